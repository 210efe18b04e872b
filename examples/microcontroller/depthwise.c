/* Knows how a streamed model is checked and run: before each unit its records and weights are copied into the memory, then
 * the kernels run it. It also is all of a WebAssembly runtime that wasm2c's output needs. It does not know boards. */
#include "depthwise.h"

#include <setjmp.h>
#include <stddef.h>
#include <string.h>

#include "records.h"

#define RECORD_BYTES (DW_STEP_WORDS * 4)

/* ---- what wasm2c's output calls */

static jmp_buf *landing; /* where a trap of the running net goes; one runs at a time */

void wasm_rt_trap(wasm_rt_trap_t code) { longjmp(*landing, (int)code); }

bool wasm_rt_is_initialized(void) { return true; }

/* A module names each of its types once. */
uint32_t wasm_rt_register_func_type(uint32_t params, uint32_t results, ...) {
  static uint32_t types;
  (void)params, (void)results;
  return ++types;
}

/* The table lies in the net whose kernels have it. */
void wasm_rt_allocate_funcref_table(wasm_rt_funcref_table_t *table, uint32_t elements, uint32_t most) {
  dw_net *net = (dw_net *)(void *)((char *)table - offsetof(dw_net, kernels) - offsetof(Z_scalar_instance_t, w2c_T0));
  if (elements > DW_FUNCTIONS) wasm_rt_trap(WASM_RT_TRAP_OOB);
  table->data = net->functions;
  table->size = elements;
  table->max_size = most;
}

void wasm_rt_free_funcref_table(wasm_rt_funcref_table_t *table) { (void)table; }

/* The module asks its environment for the memory; ours is the net. */
wasm_rt_memory_t *Z_envZ_memory(struct Z_env_instance_t *net) { return &((dw_net *)(void *)net)->memory; }

/* ---- checks */

static uint32_t fnv(uint32_t hash, const void *words, uint32_t count) {
  for (const uint32_t *at = words, *end = at + count; at < end; at++) hash = (hash ^ *at) * 0x01000193u;
  return hash;
}

#define START 0x811c9dc5u

static int is_intact(const dw_model *m) {
  uint32_t plan = fnv(START, m->records, m->record_count * (RECORD_BYTES / 4));
  plan = fnv(plan, m->units, m->unit_count * (sizeof(dw_unit) / 4));
  plan = fnv(plan, m->copies, m->copy_count * (sizeof(dw_copy) / 4));
  return plan == m->plan_sum && (!m->weights || fnv(START, m->weights, (m->weights_bytes + 3) / 4) == m->weights_sum);
}

static int is_inside(uint32_t at, uint32_t bytes, uint32_t limit) { return at <= limit && bytes <= limit - at; }

/* Everything that this file itself reads and writes lies where it should. */
static int is_sound(const dw_model *m, uint32_t unit) {
  const dw_unit *u = m->units + unit;
  if (!is_inside(u->record, u->records, m->record_count) || !is_inside(u->copy, u->copies, m->copy_count)) return 0;
  if (u->records > 16 || !is_inside(m->records_at, u->records * RECORD_BYTES, m->base) || u->scratch < m->base + DW_TEMP_BYTES || u->scratch > m->memory_bytes - DW_SLACK_BYTES) return 0;
  for (const dw_copy *copy = m->copies + u->copy, *end = copy + u->copies; copy < end; copy++) {
    if (!is_inside(copy->from, copy->bytes, m->weights_bytes) || copy->to < m->base || !is_inside(copy->to, copy->bytes, m->memory_bytes)) return 0;
  }
  return 1;
}

static int are_tensors_sound(const dw_model *m, const dw_tensor *tensors, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) if (tensors[i].at < m->base || !is_inside(tensors[i].at, tensors[i].bytes, m->memory_bytes)) return 0;
  return 1;
}

/* Tensors and everything else that a unit writes lies below its scratch memory, in which kernels keep addresses. */
static int may_run(dw_net *net) {
  const dw_model *m = net->model;
  const dw_unit *unit = m->units + net->at;
  memcpy(net->memory.data + m->records_at, m->records + unit->record * (RECORD_BYTES / 4), unit->records * RECORD_BYTES);
  net->fault = Z_scalarZ_check(&net->kernels, m->records_at, unit->records, m->memory_bytes - DW_SLACK_BYTES - m->base, unit->scratch - DW_TEMP_BYTES - m->base, m->memory_bytes - DW_SLACK_BYTES - unit->scratch);
  return net->fault == 0;
}

int dw_open(dw_net *net, const dw_model *model, const dw_hooks *hooks, void *memory, uint32_t bytes) {
  static int is_started;
  jmp_buf here;
  memset(net, 0, sizeof *net);
  net->model = model;
  if (hooks) net->hooks = *hooks;
  if (model->version != DW_VERSION) return DW_VERSION_DIFFERS;
  if (bytes < model->memory_bytes) return DW_NO_MEMORY;
  if (!is_intact(model)) return DW_DAMAGED;
  if (model->base < model->records_at || model->memory_bytes < DW_SLACK_BYTES || model->base > model->memory_bytes - DW_SLACK_BYTES) return DW_BAD_PLAN;
  if (!are_tensors_sound(model, model->inputs, model->input_count) || !are_tensors_sound(model, model->outputs, model->output_count)) return DW_BAD_PLAN;
  net->memory.data = memory;
  net->memory.size = model->memory_bytes; /* less than whole pages: kernels ask for no size */
  net->memory.pages = net->memory.max_pages = (model->memory_bytes + 65535) / 65536;
  landing = &here;
  if (setjmp(here)) return DW_TRAPPED;
  if (!is_started) Z_scalar_init_module();
  is_started = 1;
  Z_scalar_instantiate(&net->kernels, (struct Z_env_instance_t *)(void *)net);
  for (net->at = 0; net->at < model->unit_count; net->at++) if (!is_sound(model, net->at) || !may_run(net)) return DW_BAD_PLAN;
  return DW_OK;
}

void *dw_input(dw_net *net, uint32_t i) { return net->memory.data + net->model->inputs[i].at; }
const void *dw_output(dw_net *net, uint32_t i) { return net->memory.data + net->model->outputs[i].at; }

/* ---- running */

static int copy_in(dw_net *net, const dw_unit *unit) {
  const dw_model *m = net->model;
  memcpy(net->memory.data + m->records_at, m->records + unit->record * (RECORD_BYTES / 4), unit->records * RECORD_BYTES);
  for (const dw_copy *copy = m->copies + unit->copy, *end = copy + unit->copies; copy < end; copy++) {
    void *to = net->memory.data + copy->to;
    if (!net->hooks.read) memcpy(to, (const uint8_t *)m->weights + copy->from, copy->bytes);
    else if (net->hooks.read(net->hooks.context, copy->from, copy->bytes, to)) return DW_READ_FAILED;
  }
  return DW_OK;
}

int dw_run(dw_net *net) {
  const dw_model *m = net->model;
  jmp_buf here;
  landing = &here;
  if (setjmp(here)) return DW_TRAPPED;
  for (net->at = 0; net->at < m->unit_count; net->at++) {
    const dw_unit *unit = m->units + net->at;
    int code = copy_in(net, unit);
    if (code) return code;
    Z_scalarZ_place(&net->kernels, m->records_at, m->base, m->base, unit->scratch);
    if (Z_scalarZ_run(&net->kernels, 0, unit->records) < unit->records) return DW_BAD_PLAN;
    if (net->hooks.after && net->hooks.after(net->hooks.context, net->at)) return DW_STOPPED;
  }
  return DW_OK;
}

double dw_work(dw_net *net) {
  double sum = 0;
  for (net->at = 0; net->at < net->model->unit_count; net->at++) if (may_run(net)) sum += Z_scalarZ_work(&net->kernels, net->model->records_at, net->model->units[net->at].records);
  return sum;
}

const char *dw_message(int code) {
  static const char *const messages[] = {
    "done", "the memory is smaller than the model needs", "the model was written for another release: convert it again",
    "the model or its weights are damaged: write them to flash again", "a record or copy would leave its memory, or means nothing: convert the model again",
    "a kernel left its memory or divided by zero", "weights could not be read", "stopped by the caller",
  };
  return code >= 0 && code < (int)(sizeof messages / sizeof *messages) ? messages[code] : "unknown code";
}
