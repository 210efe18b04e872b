/* Breaks a model in many ways, with checksums that say it is whole, and opens and runs each under AddressSanitizer: it is
 * refused with a code, or runs and touches nothing but its memory. Arguments: how many, and a seed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "depthwise.h"
#include "records.h"

extern const dw_model model;

static uint32_t state;
static uint32_t next(void) {
  state ^= state << 13, state ^= state >> 17, state ^= state << 5;
  return state;
}

static uint32_t below(uint32_t n) { return next() % n; }

static uint32_t fnv(uint32_t hash, const void *words, uint32_t count) {
  for (const uint32_t *at = words, *end = at + count; at < end; at++) hash = (hash ^ *at) * 0x01000193u;
  return hash;
}

/* Values that break things: small, at an edge, another word's, anything. */
static uint32_t value(uint32_t old) {
  switch (below(8)) {
    case 0: return 0;
    case 1: return old + 1;
    case 2: return old - 1;
    case 3: return 0u - old;
    case 4: return old * 2;
    case 5: return model.memory_bytes - below(256);
    case 6: return below(100);
    default: return next();
  }
}

int main(int count, char **arguments) {
  const uint32_t rounds = count > 1 ? (uint32_t)atoi(arguments[1]) : 1000, record_words = model.record_count * DW_STEP_WORDS;
  const uint32_t unit_words = model.unit_count * (sizeof(dw_unit) / 4), copy_words = model.copy_count * (sizeof(dw_copy) / 4);
  uint32_t *records = malloc(record_words * 4), *units = malloc(unit_words * 4), *copies = malloc(copy_words * 4), codes[8] = { 0 };
  void *memory = malloc(model.memory_bytes);
  state = count > 2 ? (uint32_t)atoi(arguments[2]) : 1;
  for (uint32_t round = 0; round < rounds; round++) {
    dw_net net;
    dw_model broken = model;
    memcpy(records, model.records, record_words * 4);
    memcpy(units, model.units, unit_words * 4);
    memcpy(copies, model.copies, copy_words * 4);
    for (uint32_t n = 1 + below(3); n > 0; n--) {
      const uint32_t kind = below(8);
      uint32_t *words = kind == 0 ? units : kind == 1 ? copies : records, *at = words + below(kind == 0 ? unit_words : kind == 1 ? copy_words : record_words);
      *at = value(*at);
    }
    broken.records = (const int32_t *)records;
    broken.units = (const dw_unit *)units;
    broken.copies = (const dw_copy *)copies;
    broken.plan_sum = fnv(fnv(fnv(0x811c9dc5u, records, record_words), units, unit_words), copies, copy_words);
    int code = dw_open(&net, &broken, NULL, memory, model.memory_bytes);
    if (code == DW_OK) {
      memset(dw_input(&net, 0), 7, model.inputs[0].bytes);
      code = dw_run(&net);
    }
    codes[code]++;
  }
  for (int code = 0; code < 8; code++) if (codes[code]) printf("code %d: %u\n", code, codes[code]);
  free(records), free(units), free(copies), free(memory);
  return 0;
}
