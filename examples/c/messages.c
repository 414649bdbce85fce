#include "messages.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum wire_type { VARINT = 0, FIXED_64 = 1, BYTES = 2, FIXED_32 = 5 };

static const char namespace[] = "default";

TemporalCoreByteArrayRef text(const char *string)
{
    TemporalCoreByteArrayRef bytes = {(const uint8_t *)string, strlen(string)};
    return bytes;
}

TemporalCoreByteArrayRef contents(const struct message *message)
{
    TemporalCoreByteArrayRef bytes = {message->bytes, message->size};
    return bytes;
}

TemporalCoreByteArrayRef lent(const TemporalCoreByteArray *bytes)
{
    TemporalCoreByteArrayRef borrowed = {bytes->data, bytes->size};
    return borrowed;
}

/* Writing */

static void put(struct message *message, const uint8_t *bytes, size_t size)
{
    if (size == 0) {
        return;
    }
    if (size > sizeof message->bytes - message->size) {
        fprintf(stderr, "a message has more than %zu bytes\n", sizeof message->bytes);
        exit(1);
    }
    memcpy(message->bytes + message->size, bytes, size);
    message->size += size;
}

static void put_varint(struct message *message, uint64_t value)
{
    do {
        uint8_t byte = (uint8_t)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
        put(message, &byte, 1);
        value >>= 7;
    } while (value != 0);
}

static void put_number(struct message *message, uint64_t field, uint64_t value)
{
    put_varint(message, field << 3 | VARINT);
    put_varint(message, value);
}

static void put_bytes(struct message *message, uint64_t field, TemporalCoreByteArrayRef bytes)
{
    put_varint(message, field << 3 | BYTES);
    put_varint(message, bytes.size);
    put(message, bytes.data, bytes.size);
}

/* Makes a message with one field. */
static struct message wrap(uint64_t field, TemporalCoreByteArrayRef bytes)
{
    struct message message = {.size = 0};
    put_bytes(&message, field, bytes);
    return message;
}

/* Makes a temporal.api.common.v1.Payload, labeled as JSON in the way of Temporal's SDKs. */
static struct message payload_of(const char *json)
{
    struct message message = {.size = 0}, label = wrap(1, text("encoding"));
    put_bytes(&label, 2, text("json/plain"));
    put_bytes(&message, 1, contents(&label));
    put_bytes(&message, 2, text(json));
    return message;
}

struct message start_workflow(const char *id, const char *type, const char *argument)
{
    struct message message = wrap(1, text(namespace));
    struct message workflow_type = wrap(1, text(type)), task_queue = wrap(1, text(id));
    struct message payload = payload_of(argument), input = wrap(1, contents(&payload));

    put_bytes(&message, 2, text(id));
    put_bytes(&message, 3, contents(&workflow_type));
    put_bytes(&message, 4, contents(&task_queue));
    put_bytes(&message, 5, contents(&input));
    put_bytes(&message, 10, text(id)); /* request_id: a repeated request starts no second workflow */
    return message;
}

struct message await_end(const char *id)
{
    const uint64_t close_event = 2;
    struct message message = wrap(1, text(namespace)), execution = wrap(1, text(id));

    put_bytes(&message, 2, contents(&execution));
    put_number(&message, 5, true);        /* wait_new_event */
    put_number(&message, 6, close_event); /* history_event_filter_type */
    return message;
}

/* Reading. A message or field that is absent has no data, and neither do its fields. */

static const TemporalCoreByteArrayRef absent = {NULL, 0};

static bool take_varint(TemporalCoreByteArrayRef *rest, uint64_t *value)
{
    *value = 0;
    for (unsigned shift = 0; rest->size > 0 && shift < 64; shift += 7) {
        uint8_t byte = *rest->data++;
        rest->size--;
        *value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            return true;
        }
    }
    return false;
}

static bool take_bytes(TemporalCoreByteArrayRef *rest, uint64_t size, TemporalCoreByteArrayRef *bytes)
{
    if (size > rest->size) {
        return false;
    }
    *bytes = (TemporalCoreByteArrayRef){rest->data, (size_t)size};
    rest->data += size;
    rest->size -= (size_t)size;
    return true;
}

/* Takes the next field. Returns false at the end of the message, or if the message is malformed. */
static bool take_field(TemporalCoreByteArrayRef *rest, uint64_t *field, TemporalCoreByteArrayRef *bytes)
{
    uint64_t key, value;

    *bytes = absent;
    if (!take_varint(rest, &key)) {
        return false;
    }
    *field = key >> 3;
    switch (key & 7) {
    case VARINT:
        return take_varint(rest, &value);
    case FIXED_64:
        return take_bytes(rest, 8, bytes);
    case BYTES:
        return take_varint(rest, &value) && take_bytes(rest, value, bytes);
    case FIXED_32:
        return take_bytes(rest, 4, bytes);
    default:
        return false;
    }
}

/* Returns the first field with this number. */
static TemporalCoreByteArrayRef find(TemporalCoreByteArrayRef message, uint64_t number)
{
    TemporalCoreByteArrayRef bytes;
    uint64_t field;

    while (take_field(&message, &field, &bytes)) {
        if (field == number) {
            return bytes;
        }
    }
    return absent;
}

enum end read_end(TemporalCoreByteArrayRef response, TemporalCoreByteArrayRef *result)
{
    TemporalCoreByteArrayRef event = find(find(response, 1), 1); /* history, events */
    TemporalCoreByteArrayRef completed = find(event, 7); /* workflow_execution_completed_event_attributes */

    *result = find(find(find(completed, 1), 1), 2); /* result, payloads, data */
    return event.data == NULL ? NOT_YET : completed.data == NULL ? ENDED_OTHERWISE : COMPLETED;
}

struct message answer(TemporalCoreByteArrayRef activation)
{
    struct message message = wrap(1, find(activation, 1)); /* run_id */
    TemporalCoreByteArrayRef job, start, commands = absent;
    struct message complete = {.size = 0}, command, success;
    uint64_t field;

    while (take_field(&activation, &field, &job)) {
        if (field != 5) { /* jobs */
            continue;
        }
        start = find(job, 1); /* initialize_workflow */
        if (start.data != NULL) {
            complete = wrap(1, find(start, 3));     /* its result: the first of the start's arguments */
            command = wrap(6, contents(&complete)); /* complete_workflow_execution */
            success = wrap(1, contents(&command));  /* commands */
            commands = contents(&success);
        }
    }
    put_bytes(&message, 2, commands); /* successful */
    return message;
}
