/* Knows how a Cortex-M starts in QEMU: vectors, memory, floating point, and semihosting for text, files and the end. On a
 * real board the first half stays, and serial output and a camera take the place of semihosting. */
#include <string.h>

#include "board.h"

extern uint32_t stack_start, stack_end, data_source, data_start, data_end, bss_start, bss_end, pool_start, pool_end;

enum { SYS_OPEN = 0x01, SYS_CLOSE = 0x02, SYS_WRITE0 = 0x04, SYS_READ = 0x06, SYS_FLEN = 0x0c, SYS_GET_CMDLINE = 0x15, SYS_EXIT_EXTENDED = 0x20 };

static int semihosting(int operation, const void *block) {
  register int r0 __asm__("r0") = operation;
  register const void *r1 __asm__("r1") = block;
  __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}

static void end(int code) {
  const uint32_t block[2] = { 0x20026, (uint32_t)code }; /* ADP_Stopped_ApplicationExit */
  semihosting(SYS_EXIT_EXTENDED, block);
  for (;;) { }
}

/* ---- the start */

#define UNUSED_STACK 0x5ac35ac3u

void reset(void);
void reset(void) {
  uint32_t *used;
  __asm__ volatile("mov %0, sp" : "=r"(used));
  for (uint32_t *at = &stack_start; at < used; at++) *at = UNUSED_STACK;
  for (uint32_t *to = &data_start, *from = &data_source; to < &data_end;) *to++ = *from++;
  for (uint32_t *to = &bss_start; to < &bss_end;) *to++ = 0;
  *(volatile uint32_t *)0xe000ed88 |= 0xfu << 20; /* CPACR: floating point on */
  __asm__ volatile("dsb\n isb");
  end(example());
}

static void fault(void) {
  board_print("fault: the processor refused an access\n");
  end(99);
}

__attribute__((section(".vectors"), used)) static const void *const vectors[16] = { &stack_end, reset, fault, fault, fault, fault, fault };

/* ---- what the example asks for */

void board_print(const char *text) { semihosting(SYS_WRITE0, text); }

/* The first word is the name of the program. */
const char *board_argument(int i) {
  static char line[1024], *words[24];
  static int count;
  if (!line[0]) {
    const uint32_t block[2] = { (uint32_t)line, sizeof line };
    if (semihosting(SYS_GET_CMDLINE, block)) return 0;
    for (char *at = line; *at && count < 24;) {
      words[count++] = at;
      while (*at && *at != ' ') at++;
      while (*at == ' ') *at++ = 0;
    }
  }
  return i + 1 < count ? words[i + 1] : 0;
}

int32_t board_read(const char *path, void *to, uint32_t most) {
  const uint32_t open[3] = { (uint32_t)path, 1, strlen(path) }; /* mode 1: "rb" */
  const int file = semihosting(SYS_OPEN, open);
  if (file < 0) return -1;
  const uint32_t one[1] = { (uint32_t)file };
  const int32_t bytes = semihosting(SYS_FLEN, one);
  const uint32_t read[3] = { (uint32_t)file, (uint32_t)to, (uint32_t)bytes };
  const int left = bytes >= 0 && (uint32_t)bytes <= most ? semihosting(SYS_READ, read) : 1;
  semihosting(SYS_CLOSE, one);
  return left ? -1 : bytes;
}

void *board_memory(uint32_t wanted, uint32_t *bytes) {
  (void)wanted;
  *bytes = (uint32_t)&pool_end - (uint32_t)&pool_start;
  return &pool_start;
}

/* ---- SysTick: with -icount shift=0 an instruction is one nanosecond, so a tick of PER_TICK_X4 / 4 nanoseconds is that many */

#define SYSTICK ((volatile uint32_t *)0xe000e010)

void board_count_start(void) {
  SYSTICK[0] = 0;
  SYSTICK[1] = 0xffffff;
  SYSTICK[2] = 0;
  SYSTICK[0] = 5; /* on, by the processor's clock */
}

uint32_t board_count(void) { return (uint32_t)((uint64_t)(0xffffff - SYSTICK[2]) * PER_TICK_X4 / 4); }

uint32_t board_stack_bytes(void) { return (uint32_t)&stack_end - (uint32_t)&stack_start; }

uint32_t board_stack_used(void) {
  const uint32_t *at = &stack_start;
  while (*at == UNUSED_STACK) at++;
  return (uint32_t)&stack_end - (uint32_t)at;
}
