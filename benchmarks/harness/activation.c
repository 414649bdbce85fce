#include "activation.h"

#include "bench.h"

#include <string.h>

/* Field numbers of the protobuf definitions. */
enum {
  ACTIVATION_RUN_ID = 1,
  ACTIVATION_JOBS = 5,
  JOB_INITIALIZE_WORKFLOW = 1,
  JOB_REMOVE_FROM_CACHE = 50,
  COMPLETION_RUN_ID = 1,
  COMPLETION_SUCCESSFUL = 2,
  SUCCESS_COMMANDS = 1,
  COMMAND_COMPLETE_WORKFLOW_EXECUTION = 6,
};

enum { WIRE_VARINT = 0, WIRE_64_BIT = 1, WIRE_LENGTH = 2, WIRE_32_BIT = 5 };

typedef struct Reader {
  const uint8_t *at;
  const uint8_t *end;
} Reader;

typedef struct Field {
  uint64_t number;
  const uint8_t *data; /* NULL, unless it is of variable length */
  size_t size;
} Field;

static uint64_t read_varint(Reader *reader) {
  uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    if (reader->at == reader->end) break;
    uint8_t byte = *reader->at++;
    value |= (uint64_t)(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  die("activation", "malformed varint");
}

static const uint8_t *skip(Reader *reader, uint64_t size) {
  if (size > (uint64_t)(reader->end - reader->at)) die("activation", "cut short");
  const uint8_t *start = reader->at;
  reader->at += size;
  return start;
}

static bool read_field(Reader *reader, Field *field) {
  if (reader->at == reader->end) return false;
  uint64_t tag = read_varint(reader);
  *field = (Field){.number = tag >> 3};
  switch (tag & 7) {
    case WIRE_VARINT: read_varint(reader); break;
    case WIRE_64_BIT: skip(reader, 8); break;
    case WIRE_32_BIT: skip(reader, 4); break;
    case WIRE_LENGTH:
      field->size = read_varint(reader);
      field->data = skip(reader, field->size);
      break;
    default: die("activation", "unknown wire type");
  }
  return true;
}

static ActivationKind kind_of_job(Field job) {
  Reader reader = {job.data, job.data + job.size};
  Field variant;
  while (read_field(&reader, &variant)) {
    if (variant.number == JOB_INITIALIZE_WORKFLOW) return ACTIVATION_START;
    if (variant.number == JOB_REMOVE_FROM_CACHE) return ACTIVATION_EVICTION;
  }
  die("activation", "a job that no-op workflows do not have");
}

Activation read_activation(const uint8_t *bytes, size_t size) {
  Activation activation = {.run_id = NULL};
  Reader reader = {bytes, bytes + size};
  Field field, job = {.data = NULL};
  while (read_field(&reader, &field)) {
    if (field.number == ACTIVATION_RUN_ID) {
      activation.run_id = field.data;
      activation.run_id_size = field.size;
    } else if (field.number == ACTIVATION_JOBS && job.data == NULL) {
      job = field; /* the first; any others need no answer */
    }
  }
  if (activation.run_id == NULL || job.data == NULL) die("activation", "no run id or no job");
  activation.kind = kind_of_job(job);
  return activation;
}

static void write_byte(Completion *completion, size_t byte) {
  /* A varint of one byte: all of these numbers and sizes are small. */
  if (byte > 0x7f || completion->size == sizeof completion->bytes) die("completion", "too large");
  completion->bytes[completion->size++] = (uint8_t)byte;
}

static void write_tag(Completion *completion, size_t number, size_t size) {
  write_byte(completion, number << 3 | WIRE_LENGTH);
  write_byte(completion, size);
}

static Completion answer_to(const Activation *activation) {
  Completion completion = {.size = 0};
  write_tag(&completion, COMPLETION_RUN_ID, activation->run_id_size);
  for (size_t i = 0; i < activation->run_id_size; i++)
    write_byte(&completion, activation->run_id[i]);
  return completion;
}

Completion without_commands(const Activation *activation) {
  Completion completion = answer_to(activation);
  write_tag(&completion, COMPLETION_SUCCESSFUL, 0);
  return completion;
}

Completion completion_of(const Activation *activation) {
  if (activation->kind == ACTIVATION_EVICTION) return without_commands(activation);
  Completion completion = answer_to(activation);
  write_tag(&completion, COMPLETION_SUCCESSFUL, 4);
  write_tag(&completion, SUCCESS_COMMANDS, 2);
  write_tag(&completion, COMMAND_COMPLETE_WORKFLOW_EXECUTION, 0);
  return completion;
}
