/* Knows the C interface of a network whose weights lie in flash: models as `depthwise convert --target mcu` writes them, a
 * memory that the caller owns, and the codes that tell what went wrong. It does not know boards. */
#ifndef DEPTHWISE_H
#define DEPTHWISE_H

#include <stdint.h>
#include "scalar.h" /* wasm2c's output of bare.wasm, the scalar build with a check of plans: -n scalar */

#define DW_VERSION 1

/* Where weights go: a linker section for memory-mapped flash, say -DDW_IN_FLASH='__attribute__((section(".weights")))'. */
#ifndef DW_IN_FLASH
#define DW_IN_FLASH
#endif

enum {
  DW_OK = 0,
  DW_NO_MEMORY = 1, /* the memory handed to dw_open is smaller than model->memory_bytes */
  DW_VERSION_DIFFERS = 2, /* the model was written for another release of this file */
  DW_DAMAGED = 3, /* a checksum of the model, or of its weights, is wrong */
  DW_BAD_PLAN = 4, /* a record or a copy would leave its memory, or means nothing; dw_net.at is its unit, dw_net.fault what DW_FAULT_... in records.h say */
  DW_TRAPPED = 5, /* a kernel left its memory, or divided by zero; dw_net.at is the unit */
  DW_READ_FAILED = 6, /* the read hook said so */
  DW_STOPPED = 7, /* the after hook said so */
};

enum { DW_TYPE_FLOAT32, DW_TYPE_INT8, DW_TYPE_UINT8, DW_TYPE_INT32, DW_TYPE_INT64, DW_TYPE_OTHER };

/* `bytes` bytes of the weights, from byte `from` on, to byte `to` of the memory. */
typedef struct { uint32_t from, bytes, to; } dw_copy;

/* Records that run together, what is copied before, and where their scratch memory begins. */
typedef struct { uint32_t record, records, copy, copies, scratch; } dw_unit;

typedef struct { const char *kind; uint32_t macs; } dw_layer;

/* Real value = scale * (q - zero_point); scale is 0 where values are no 8-bit ones. */
typedef struct {
  const char *name;
  uint32_t type, rank, shape[6], at, bytes;
  float scale;
  int32_t zero_point;
} dw_tensor;

typedef struct {
  uint32_t version, memory_bytes, records_at, base;
  uint32_t plan_sum, weights_sum;
  const int32_t *records;
  uint32_t record_count;
  const uint32_t *weights; /* NULL where the read hook alone knows them */
  uint32_t weights_bytes;
  const dw_copy *copies;
  uint32_t copy_count;
  const dw_unit *units;
  uint32_t unit_count;
  const dw_tensor *inputs;
  uint32_t input_count;
  const dw_tensor *outputs;
  uint32_t output_count;
} dw_model;

/* Places in the module's table of functions. */
#define DW_FUNCTIONS 4

/* Both may be NULL. Neither is called in the middle of a kernel. */
typedef struct {
  /* Copies weights from where they are; default: memcpy from model->weights. Returns 0, or anything else to end the run. */
  int (*read)(void *context, uint32_t from, uint32_t bytes, void *to);
  /* After each unit: count, feed a watchdog, or return anything but 0 to end the run. */
  int (*after)(void *context, uint32_t unit);
  void *context;
} dw_hooks;

typedef struct {
  const dw_model *model;
  dw_hooks hooks;
  uint32_t at; /* the unit that runs, or failed */
  uint32_t fault;
  wasm_rt_memory_t memory;
  Z_scalar_instance_t kernels;
  wasm_rt_funcref_t functions[DW_FUNCTIONS];
} dw_net;

/* Checks the whole model, so that kernels need no bounds checks of their own, and takes `memory`, which stays the caller's and must outlive the net. */
int dw_open(dw_net *net, const dw_model *model, const dw_hooks *hooks, void *memory, uint32_t bytes);

/* Where the caller writes an input before each run, and finds an output after it, until the next. */
void *dw_input(dw_net *net, uint32_t i);
const void *dw_output(dw_net *net, uint32_t i);

int dw_run(dw_net *net);

/* Multiply-adds of a run, by the sizes in the records of an open net: whoever takes models of strangers may refuse those with too many. */
double dw_work(dw_net *net);

/* A sentence for people. */
const char *dw_message(int code);

#endif
