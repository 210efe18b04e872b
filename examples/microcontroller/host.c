/* Knows how the example runs on the machine you develop on, where AddressSanitizer watches the very code that the firmware
 * has: the memory is exactly as large as the model asks for. */
#include <stdio.h>
#include <stdlib.h>

#include "board.h"

static char **words;

void board_print(const char *text) { fputs(text, stdout); }
const char *board_argument(int i) { return words[i]; }

int32_t board_read(const char *path, void *to, uint32_t most) {
  FILE *file = fopen(path, "rb");
  if (!file) return -1;
  const size_t bytes = fread(to, 1, most, file);
  const int more = fgetc(file) != EOF;
  fclose(file);
  return more ? -1 : (int32_t)bytes;
}

static void *memory;
void *board_memory(uint32_t wanted, uint32_t *bytes) {
  *bytes = wanted;
  return memory = malloc(wanted);
}

void board_count_start(void) { }
uint32_t board_count(void) { return 0; }
uint32_t board_stack_used(void) { return 0; }
uint32_t board_stack_bytes(void) { return 0; }

int main(int count, char **arguments) {
  (void)count;
  words = arguments + 1;
  const int code = example();
  free(memory);
  return code;
}
