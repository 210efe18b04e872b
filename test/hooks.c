/* Checks, on the development machine, what the C interface promises beside right answers: weights through a hook and not in
 * the model, runs that are ended, several nets at once, and models of another release. Prints nothing where all holds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "depthwise.h"

extern const dw_model model;
extern const dw_layer model_layers[];

static int failures;
#define CHECK(holds) do { if (!(holds)) { printf("line %d: %s\n", __LINE__, #holds); failures++; } } while (0)

typedef struct { uint32_t reads, bytes, units, fail_at, stop_at; } record;

static int read_weights(void *context, uint32_t from, uint32_t bytes, void *to) {
  record *r = context;
  if (r->reads++ == r->fail_at) return 1;
  r->bytes += bytes;
  memcpy(to, (const uint8_t *)model.weights + from, bytes);
  return 0;
}

static int after_unit(void *context, uint32_t unit) {
  record *r = context;
  CHECK(unit == r->units);
  return r->units++ == r->stop_at;
}

static void fill(dw_net *net, int seed) {
  uint8_t *input = dw_input(net, 0);
  for (uint32_t i = 0; i < model.inputs[0].bytes; i++) input[i] = (uint8_t)(seed == 1 ? i * 2654435761u >> 13 : i / 9);
}

static void answer(int seed, uint8_t *output) {
  void *memory = malloc(model.memory_bytes);
  dw_net net;
  CHECK(dw_open(&net, &model, NULL, memory, model.memory_bytes) == DW_OK);
  fill(&net, seed);
  CHECK(dw_run(&net) == DW_OK);
  memcpy(output, dw_output(&net, 0), model.outputs[0].bytes);
  free(memory);
}

int main(void) {
  const uint32_t never = UINT32_MAX, bytes = model.memory_bytes, out = model.outputs[0].bytes;
  uint8_t expected[2][4096], *a = malloc(bytes), *b = malloc(bytes);
  dw_model other = model;
  dw_net net, second;
  CHECK(out <= sizeof expected[0]);
  answer(1, expected[0]);
  answer(2, expected[1]);
  CHECK(memcmp(expected[0], expected[1], out) != 0);

  /* Weights that are nowhere in memory: the hook alone has them. */
  record r = { 0, 0, 0, never, never };
  dw_hooks hooks = { read_weights, after_unit, &r };
  other.weights = NULL;
  CHECK(dw_open(&net, &other, &hooks, a, bytes) == DW_OK && r.reads == 0);
  fill(&net, 1);
  CHECK(dw_run(&net) == DW_OK && !memcmp(dw_output(&net, 0), expected[0], out));
  CHECK(r.reads == model.copy_count && r.units == model.unit_count && r.bytes > 0 && r.bytes <= model.weights_bytes);

  /* A failed read and a stop end the run with a code; the next run is whole. */
  r = (record){ 0, 0, 0, 5, never };
  CHECK(dw_run(&net) == DW_READ_FAILED && r.reads == 6 && net.at == r.units);
  r = (record){ 0, 0, 0, never, 3 };
  CHECK(dw_run(&net) == DW_STOPPED && net.at == 3 && r.units == 4);
  r = (record){ 0, 0, 0, never, never };
  fill(&net, 2);
  CHECK(dw_run(&net) == DW_OK && !memcmp(dw_output(&net, 0), expected[1], out));

  /* Two nets by turns, each in its own memory. */
  r.units = 0;
  CHECK(dw_open(&second, &model, NULL, b, bytes) == DW_OK);
  fill(&net, 1);
  fill(&second, 2);
  CHECK(dw_run(&net) == DW_OK && dw_run(&second) == DW_OK);
  CHECK(!memcmp(dw_output(&net, 0), expected[0], out) && !memcmp(dw_output(&second, 0), expected[1], out));

  /* As much as the tool that wrote the model counted, and what moves values beside it. */
  double work = dw_work(&second), macs = 0;
  for (uint32_t i = 0; i < model.unit_count; i++) macs += model_layers[i].macs;
  CHECK(work >= macs && work < 1.5 * macs);

  /* What is not taken. */
  CHECK(dw_open(&second, &model, NULL, b, bytes - 1) == DW_NO_MEMORY);
  other = model;
  other.version++;
  CHECK(dw_open(&second, &other, NULL, b, bytes) == DW_VERSION_DIFFERS);
  other = model;
  other.weights_sum ^= 1;
  CHECK(dw_open(&second, &other, NULL, b, bytes) == DW_DAMAGED);
  other = model;
  other.base = bytes;
  CHECK(dw_open(&second, &other, NULL, b, bytes) == DW_BAD_PLAN);
  other = model;
  other.record_count--;
  CHECK(dw_open(&second, &other, NULL, b, bytes) == DW_DAMAGED);
  for (int code = DW_OK; code <= DW_STOPPED; code++) CHECK(strcmp(dw_message(code), "unknown code"));
  CHECK(!strcmp(dw_message(99), "unknown code") && !strcmp(dw_message(-1), "unknown code"));
  free(a);
  free(b);
  return failures != 0;
}
