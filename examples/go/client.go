package main

// #include <stdlib.h>
// #include "bridge.h"
import "C"

import (
	"errors"
	"fmt"
	"runtime/cgo"
	"unsafe"
)

// Client is a connection to a server, and its runtime.
type Client struct {
	runtime    *C.struct_TemporalCoreRuntime
	connection *C.struct_TemporalCoreConnection
}

type connected struct {
	connection *C.struct_TemporalCoreConnection
	err        error
}

type response struct {
	message []byte
	err     error
}

// Connect creates a runtime and connects it to a server. The caller must close the client.
func Connect(url string) (*Client, error) {
	made := C.temporal_core_runtime_new(&C.struct_TemporalCoreRuntimeOptions{})
	if made.fail != nil {
		defer C.temporal_core_runtime_free(made.runtime)
		return nil, errors.New(string(take(made.fail)))
	}

	// The core reads the options until the callback, so they are in C memory, which Go does not move.
	arena := arena{}
	defer arena.free()
	options := (*C.struct_TemporalCoreConnectionOptions)(arena.calloc(C.sizeof_struct_TemporalCoreConnectionOptions))
	options.target_url = arena.copy([]byte(url))
	options.client_name = arena.copy([]byte("temporal-go-example"))
	options.client_version = arena.copy([]byte("1.0.0"))
	options.identity = arena.copy([]byte("temporal-go-example"))

	answers := make(chan connected, 1)
	handle := cgo.NewHandle(answers)
	defer handle.Delete()
	C.bridge_connect(made.runtime, options, C.uintptr_t(handle))
	answer := <-answers
	if answer.err != nil {
		C.temporal_core_runtime_free(made.runtime)
		return nil, answer.err
	}
	return &Client{made.runtime, answer.connection}, nil
}

// Close frees the connection and the runtime.
func (client *Client) Close() {
	C.temporal_core_client_free(client.connection)
	C.temporal_core_runtime_free(client.runtime)
}

// Call calls an RPC of the workflow service. Request and response are protobuf.
func (client *Client) Call(rpc string, request []byte) ([]byte, error) {
	arena := arena{}
	defer arena.free()
	options := (*C.struct_TemporalCoreRpcCallOptions)(arena.calloc(C.sizeof_struct_TemporalCoreRpcCallOptions))
	options.service = C.TemporalCoreRpcService_Workflow
	options.rpc = arena.copy([]byte(rpc))
	options.req = arena.copy(request)
	options.retry = true

	answers := make(chan response, 1)
	handle := cgo.NewHandle(answers)
	defer handle.Delete()
	C.bridge_call(client.connection, options, C.uintptr_t(handle))
	answer := <-answers
	return answer.message, answer.err
}

//export goConnected
func goConnected(handle C.uintptr_t, connection *C.struct_TemporalCoreConnection, fail *C.struct_TemporalCoreByteArray) {
	answer := connected{connection: connection}
	if fail != nil {
		answer.err = errors.New(string(take(fail)))
	}
	cgo.Handle(handle).Value().(chan connected) <- answer
}

//export goResponse
func goResponse(handle C.uintptr_t, success *C.struct_TemporalCoreByteArray, status C.uint32_t, message, details *C.struct_TemporalCoreByteArray) {
	answer := response{}
	if success != nil {
		answer.message = take(success)
	} else {
		answer.err = fmt.Errorf("status %d: %s", status, take(message))
		take(details)
	}
	cgo.Handle(handle).Value().(chan response) <- answer
}

// take copies bytes from the core, and frees the original.
func take(bytes *C.struct_TemporalCoreByteArray) []byte {
	if bytes == nil {
		return nil
	}
	defer C.temporal_core_byte_array_free(nil, bytes)
	return append([]byte(nil), unsafe.Slice((*byte)(bytes.data), bytes.size)...)
}

// arena is C memory for one call.
type arena struct {
	blocks []unsafe.Pointer
}

func (arena *arena) keep(block unsafe.Pointer) unsafe.Pointer {
	arena.blocks = append(arena.blocks, block)
	return block
}

func (arena *arena) calloc(size C.size_t) unsafe.Pointer {
	return arena.keep(C.calloc(1, size))
}

func (arena *arena) copy(bytes []byte) C.struct_TemporalCoreByteArrayRef {
	block := arena.keep(C.CBytes(bytes))
	return C.struct_TemporalCoreByteArrayRef{data: (*C.uint8_t)(block), size: C.size_t(len(bytes))}
}

func (arena *arena) free() {
	for _, block := range arena.blocks {
		C.free(block)
	}
}
