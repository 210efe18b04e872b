/* Knows how step records are broken and run natively: the kernels as C (wasm2c of bare.wasm, without bounds checks), in memory
 * whose gaps AddressSanitizer guards. What `check` lets through must neither leave its region nor trap, nor take long where
 * `work` says that it is little. Plans come in one file (native.ts). Arguments: FILE SECONDS SEED. Compiled with -DGUIDED and
 * clang's -fsanitize=fuzzer, libFuzzer chooses plans and changes by what they reach; the file is then named by NATIVE_PLANS. */
#include <sanitizer/asan_interface.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "scalar.h"

enum { STEP_WORDS = 48, MOST_RECORDS = 64, GAP = 4096, FIRST = 1024, TEMP = 512, SLACK = 32, FUNCTIONS = 256 };

typedef struct { uint32_t records, weights, arena, scratch; const uint8_t *data; } plan_t;

struct Z_env_instance_t { wasm_rt_memory_t memory; };
static struct Z_env_instance_t environment;
static Z_scalar_instance_t kernels;
static wasm_rt_funcref_t functions[FUNCTIONS];

wasm_rt_memory_t *Z_envZ_memory(struct Z_env_instance_t *env) { return &env->memory; }
bool wasm_rt_is_initialized(void) { return true; }
uint32_t wasm_rt_register_func_type(uint32_t params, uint32_t results, ...) { static uint32_t types; (void)params, (void)results; return ++types; }
void wasm_rt_allocate_funcref_table(wasm_rt_funcref_table_t *table, uint32_t elements, uint32_t most) {
  if (elements > FUNCTIONS) abort();
  table->data = functions;
  table->size = elements;
  table->max_size = most;
}
void wasm_rt_free_funcref_table(wasm_rt_funcref_table_t *table) { (void)table; }

static uint32_t records[MOST_RECORDS * STEP_WORDS], plan_index, record_count;

/* What was being tried: the plan, and its records as they were then. */
static void tell(const char *how) {
  fprintf(stderr, "%s: plan %u\n", how, plan_index);
  for (uint32_t i = 0; i < record_count * STEP_WORDS; i++) fprintf(stderr, "%d%c", (int32_t)records[i], i % STEP_WORDS == STEP_WORDS - 1 ? '\n' : ' ');
}
static void on_error(const char *report) { (void)report; tell("left its region"); }
static void on_alarm(int signal) { (void)signal; tell("takes longer than 20 seconds"); _exit(3); }
void wasm_rt_trap(wasm_rt_trap_t code) { tell("traps"); fprintf(stderr, "trap %d\n", (int)code); _exit(2); }

/* Multiply-adds that run in a second or two, slowed down by AddressSanitizer and coverage. */
static const double MOST_WORK = 1e8;

static const int32_t ODD[] = { 0, 1, -1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 64, 127, 128, 255, 256, 1000, 4096, 65535, 65536, 1 << 20, 1 << 30, 0x7fffffff, -0x7fffffff - 1, -8 };

/* A word, and what becomes of it. */
typedef struct { uint32_t at, kind, value; } change_t;

static void change(change_t c) {
  const uint32_t words = record_count * STEP_WORDS, at = c.at % words, old = records[at];
  switch (c.kind % 7) {
    case 0: records[at] = old + 1; break;
    case 1: records[at] = old - 1; break;
    case 2: records[at] = old * 2; break;
    case 3: records[at] = records[c.value % words]; break;
    case 4: records[at] = old ^ (1u << c.value % 31); break;
    case 5: records[at] = c.value % 64; break;
    default: records[at] = (uint32_t)ODD[c.value % (sizeof ODD / sizeof *ODD)];
  }
}

static uint32_t align(uint32_t n) { return (n + 15) & ~15u; }

static const uint32_t TOTAL = 16 << 20;
static uint8_t *memory;
static plan_t plans[4096];
static uint32_t plan_count;
static uint32_t reach; /* where what the last plan could touch ends */
static uint64_t tried, refused;

static int begin(const char *name) {
  FILE *file = fopen(name, "rb");
  if (!file) return 66;
  static uint8_t bytes[64 << 20];
  const size_t size = fread(bytes, 1, sizeof bytes, file);
  fclose(file);
  for (size_t at = 0; at + 16 <= size && plan_count < 4096; plan_count++) {
    uint32_t head[4];
    memcpy(head, bytes + at, 16);
    plans[plan_count] = (plan_t){ head[0], head[1], head[2], head[3], bytes + at + 16 };
    at += 16 + head[0] * STEP_WORDS * 4 + align(head[1]);
  }
  memory = malloc(TOTAL);
  environment.memory = (wasm_rt_memory_t){ .data = memory, .pages = TOTAL / 65536, .max_pages = TOTAL / 65536, .size = TOTAL };
  Z_scalar_init_module();
  Z_scalar_instantiate(&kernels, &environment);
  __asan_set_error_report_callback(on_error);
  __asan_poison_memory_region(memory, TOTAL);
  return 0;
}

static void end(void) {
  fprintf(stderr, "{\"executions\":%llu,\"refused\":%llu,\"plans\":%u}\n", (unsigned long long)tried, (unsigned long long)refused, plan_count);
  __asan_unpoison_memory_region(memory, TOTAL);
}

/* The plan whose records lie in `records`, broken. SLACK: the last panel of a row may take up what follows it, and leaves it unused. */
static void attempt(void) {
  const plan_t p = plans[plan_index];
  const uint32_t records_at = FIRST + GAP, weights = records_at + align(record_count * STEP_WORDS * 4) + GAP, arena = weights + align(p.weights) + GAP, scratch = arena + align(p.arena) + GAP + TEMP;
  __asan_poison_memory_region(memory, reach);
  reach = scratch + align(p.scratch) + SLACK;
  __asan_unpoison_memory_region(memory, FIRST);
  __asan_unpoison_memory_region(memory + records_at, record_count * STEP_WORDS * 4);
  memcpy(memory + records_at, records, record_count * STEP_WORDS * 4);
  tried++;
  if (Z_scalarZ_check(&kernels, records_at, record_count, p.weights, p.arena, p.scratch) || Z_scalarZ_work(&kernels, records_at, record_count) > MOST_WORK) {
    refused++;
    return;
  }
  __asan_unpoison_memory_region(memory + weights, align(p.weights) + SLACK);
  __asan_unpoison_memory_region(memory + arena, align(p.arena) + SLACK);
  __asan_unpoison_memory_region(memory + scratch - TEMP, TEMP + align(p.scratch) + SLACK);
  memcpy(memory + weights, p.data + p.records * STEP_WORDS * 4, p.weights);
  memset(memory + arena, 0x3b, p.arena);
  memset(memory + weights + align(p.weights), 0x77, SLACK), memset(memory + arena + align(p.arena), 0x77, SLACK), memset(memory + scratch + align(p.scratch), 0x77, SLACK);
  Z_scalarZ_place(&kernels, records_at, weights, arena, scratch);
  Z_scalarZ_run(&kernels, 0, record_count);
  for (uint32_t i = 0; i < SLACK; i++) {
    if (memory[weights + align(p.weights) + i] == 0x77 && memory[arena + align(p.arena) + i] == 0x77 && memory[scratch + align(p.scratch) + i] == 0x77) continue;
    tell("writes behind its region");
    abort();
  }
}

static void take(uint32_t plan) {
  plan_index = plan % plan_count;
  record_count = plans[plan_index].records;
  memcpy(records, plans[plan_index].data, record_count * STEP_WORDS * 4);
}

#ifdef GUIDED
int LLVMFuzzerInitialize(int *count, char ***words) {
  (void)count, (void)words;
  atexit(end);
  return begin(getenv("NATIVE_PLANS"));
}

/* Two bytes choose the plan, and five each a word, what is done to it, and with what. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 7) return -1;
  take(data[0] | data[1] << 8);
  for (size_t at = 2; at + 5 <= size; at += 5) change((change_t){ data[at] | data[at + 1] << 8, data[at + 2], data[at + 3] | data[at + 4] << 8 });
  attempt();
  return 0;
}
#else
static uint64_t state;
static uint32_t below(uint32_t n) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(((state >> 33) * (uint64_t)n) >> 31);
}

static change_t any_change(void) {
  const uint32_t words = record_count * STEP_WORDS;
  uint32_t at = below(words);
  for (int tries = 0; tries < 4 && !records[at]; tries++) at = below(words); /* most words that matter are not 0 */
  return (change_t){ at, below(7), below(1 << 30) };
}

int main(int count, char **words) {
  if (count < 4) return 64;
  const int failed = begin(words[1]);
  if (failed) return failed;
  state = strtoull(words[3], NULL, 10) * 2 + 1;
  signal(SIGALRM, on_alarm);
  for (const time_t until = time(NULL) + atoi(words[2]); tried % 256 || time(NULL) < until;) {
    take(below(plan_count));
    for (uint32_t n = 1 + below(3); n; n--) change(any_change());
    alarm(20);
    attempt();
    alarm(0);
  }
  end();
  return 0;
}
#endif
