/* Knows what the example asks of the place it runs in: text out, files in, memory, a counter. start.c answers for Cortex-M
 * boards in QEMU, host.c for the machine you develop on. */
#ifndef BOARD_H
#define BOARD_H

#include <stdint.h>

void board_print(const char *text);

/* The i-th word of the command line, or NULL. */
const char *board_argument(int i);

/* All bytes of a file to `to`; returns how many, or -1 where it cannot be read or has more than `most`. */
int32_t board_read(const char *path, void *to, uint32_t most);

/* The memory that is left, of which `wanted` bytes will be used. */
void *board_memory(uint32_t wanted, uint32_t *bytes);

/* Instructions since board_count_start, below 600 million. 0 where nothing counts them. */
void board_count_start(void);
uint32_t board_count(void);

/* Most bytes of stack that have been in use, and how many there are; 0 where that is not known. */
uint32_t board_stack_used(void);
uint32_t board_stack_bytes(void);

/* What runs after the start; its result is the exit code. */
int example(void);

#endif
