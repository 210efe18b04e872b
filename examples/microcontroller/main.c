/* Knows how the example talks: pictures by name, scores with labels, and on request the outputs' bytes and what each unit
 * cost. It reads 8-bit BMP files, whose bytes are taken as the input's values, and files of raw values. */
#include <string.h>

#include "board.h"
#include "depthwise.h"

extern const dw_model model;
extern const char *const model_labels[];
extern const dw_layer model_layers[];

static dw_net net;

static void number(int32_t value, int width, char fill) {
  char text[12], *at = text + sizeof text - 1;
  uint32_t left = value < 0 ? -(uint32_t)value : (uint32_t)value;
  *at = 0;
  do *--at = (char)('0' + left % 10); while (left /= 10);
  while (text + sizeof text - 1 - at < width && at > text + 1) *--at = fill;
  if (value < 0) *--at = '-';
  board_print(at);
}

static void thousandths(float value) {
  const int32_t whole = (int32_t)(value * 1000 + (value < 0 ? -0.5f : 0.5f));
  number(whole / 1000, 1, ' ');
  board_print(".");
  number(whole < 0 ? -whole % 1000 : whole % 1000, 3, '0');
}

/* ---- pictures */

static uint32_t word(const uint8_t *at) { return at[0] | at[1] << 8 | at[2] << 16 | (uint32_t)at[3] << 24; }

/* A BMP file of 8 bits a pixel and the input's size in place of the file's bytes: rows are stored from the bottom up. */
static int unwrap(uint8_t *file, uint32_t bytes, uint32_t width, uint32_t height) {
  const uint32_t from = word(file + 10);
  if (word(file + 18) != width || word(file + 22) != height || (file[28] | file[29] << 8) != 8 || width % 4 || from > bytes || bytes - from < width * height) return 0;
  memmove(file, file + from, width * height);
  for (uint32_t y = 0; y < height / 2; y++) {
    uint8_t *top = file + y * width, *bottom = file + (height - 1 - y) * width;
    for (uint32_t x = 0; x < width; x++) { const uint8_t pixel = top[x]; top[x] = bottom[x], bottom[x] = pixel; }
  }
  return 1;
}

/* The room behind the input is free until the run. */
static int fill(const char *name) {
  const dw_tensor *input = model.inputs;
  uint8_t *to = dw_input(&net, 0);
  if (!strcmp(name, "empty")) { /* the real value 0 everywhere */
    memset(to, input->type == DW_TYPE_INT8 || input->type == DW_TYPE_UINT8 ? input->zero_point & 255 : 0, input->bytes);
    return 1;
  }
  const int32_t bytes = board_read(name, to, model.memory_bytes - input->at);
  if (bytes > 54 && to[0] == 'B' && to[1] == 'M' && (uint32_t)bytes != input->bytes) return input->rank == 4 && input->shape[3] == 1 && unwrap(to, (uint32_t)bytes, input->shape[2], input->shape[1]);
  return bytes == (int32_t)input->bytes;
}

/* ---- answers */

static float value(const dw_tensor *tensor, const void *data, uint32_t i) {
  switch (tensor->type) {
    case DW_TYPE_FLOAT32: return ((const float *)data)[i];
    case DW_TYPE_INT8: return tensor->scale * (float)(((const int8_t *)data)[i] - tensor->zero_point);
    case DW_TYPE_UINT8: return tensor->scale * (float)(((const uint8_t *)data)[i] - tensor->zero_point);
    default: return 0;
  }
}

#define TOP 3

static void print_scores(void) {
  const dw_tensor *output = model.outputs;
  const void *data = dw_output(&net, 0);
  const uint32_t count = output->type == DW_TYPE_FLOAT32 ? output->bytes / 4 : output->bytes;
  uint32_t labels = 0, best[TOP], found = 0;
  while (model_labels[labels]) labels++;
  for (uint32_t i = 0; i < count; i++) {
    uint32_t rank = found;
    while (rank > 0 && value(output, data, i) > value(output, data, best[rank - 1])) rank--;
    if (rank >= TOP) continue;
    if (found < TOP) found++;
    for (uint32_t k = found - 1; k > rank; k--) best[k] = best[k - 1];
    best[rank] = i;
  }
  for (uint32_t k = 0; k < found; k++) {
    board_print("  ");
    thousandths(value(output, data, best[k]));
    board_print("  ");
    if (best[k] < labels) board_print(model_labels[best[k]]);
    else { board_print("class "); number((int32_t)best[k], 1, ' '); }
    board_print("\n");
  }
}

static void print_bytes(void) {
  for (uint32_t i = 0; i < model.output_count; i++) {
    const uint8_t *at = dw_output(&net, i), *end = at + model.outputs[i].bytes;
    board_print("bytes ");
    while (at < end) {
      char text[65];
      uint32_t n = 0;
      for (; at < end && n < 64; at++) text[n++] = "0123456789abcdef"[*at >> 4], text[n++] = "0123456789abcdef"[*at & 15];
      text[n] = 0;
      board_print(text);
    }
    board_print("\n");
  }
}

/* ---- what units cost */

#ifdef LAYERS
#define MOST_UNITS 1024
static uint32_t cost[MOST_UNITS];

static int counted(void *context, uint32_t unit) {
  (void)context;
  if (unit < MOST_UNITS) cost[unit] = board_count();
  board_count_start();
  return 0;
}

static void padded(const char *text, uint32_t width) {
  board_print(text);
  for (uint32_t n = strlen(text); n < width; n++) board_print(" ");
}

static void print_layers(void) {
  uint64_t all = 0;
  for (uint32_t i = 0; i < model.unit_count && i < MOST_UNITS; i++) all += cost[i];
  board_print("unit  kind                 multiply-adds  instructions  per one  share\n");
  for (uint32_t i = 0; i < model.unit_count && i < MOST_UNITS; i++) {
    number((int32_t)i, 4, ' ');
    board_print("  ");
    padded(model_layers[i].kind, 18);
    number((int32_t)model_layers[i].macs, 11, ' ');
    board_print("   ");
    number((int32_t)cost[i], 11, ' ');
    board_print("   ");
    if (model_layers[i].macs) thousandths((float)cost[i] / (float)model_layers[i].macs);
    else board_print("    -");
    board_print("  ");
    number((int32_t)(cost[i] * 1000ull / all), 4, ' ');
    board_print(" in 1000\n");
  }
  board_print("instructions ");
  number((int32_t)all, 1, ' ');
  board_print(" in all, counted by QEMU; a real core needs more cycles than that\n");
}
#endif

static int failed(int code) {
  board_print("error ");
  number(code, 1, ' ');
  board_print(" at unit ");
  number((int32_t)net.at, 1, ' ');
  board_print(": ");
  board_print(dw_message(code));
  if (net.fault) {
    board_print(" (record ");
    number((int32_t)(net.fault >> 8), 1, ' ');
    board_print(" of the unit, fault ");
    number((int32_t)(net.fault & 255), 1, ' ');
    board_print(" of records.h)");
  }
  board_print("\n");
  return code;
}

static int look_at(const char *name, int wants_bytes) {
  if (!fill(name)) {
    board_print(name);
    board_print(": no readable picture of the input's size and type\n");
    return 64;
  }
  board_count_start();
  const int code = dw_run(&net);
  if (code) return failed(code);
  board_print(name);
  board_print("\n");
  if (wants_bytes) print_bytes();
  else print_scores();
#ifdef LAYERS
  print_layers();
#endif
  return 0;
}

int example(void) {
  dw_hooks hooks = { 0 };
  uint32_t bytes;
  int wants_bytes = 0, code;
  void *memory = board_memory(model.memory_bytes, &bytes);
#ifdef LAYERS
  hooks.after = counted;
#endif
  code = dw_open(&net, &model, &hooks, memory, bytes);
  if (code) return failed(code);
  for (int i = 0; board_argument(i); i++) {
    if (!strcmp(board_argument(i), "--bytes")) wants_bytes = 1;
    else if ((code = look_at(board_argument(i), wants_bytes))) return code;
  }
  if (board_stack_bytes()) {
    board_print("memory ");
    number((int32_t)model.memory_bytes, 1, ' ');
    board_print(" of ");
    number((int32_t)bytes, 1, ' ');
    board_print(" bytes, stack ");
    number((int32_t)board_stack_used(), 1, ' ');
    board_print(" of ");
    number((int32_t)board_stack_bytes(), 1, ' ');
    board_print("\n");
  }
  return 0;
}
