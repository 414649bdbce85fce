// Asks a Temporal server for its version: connects, calls GetSystemInfo, and prints the result.
package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
)

// stringField finds a string in a protobuf message that has only length-delimited fields.
func stringField(message []byte, number uint64) (string, error) {
	for len(message) > 0 {
		key, keySize := binary.Uvarint(message)
		if keySize <= 0 || key&7 != 2 {
			break
		}
		size, sizeSize := binary.Uvarint(message[keySize:])
		rest := message[keySize:]
		if sizeSize <= 0 || size > uint64(len(rest)-sizeSize) {
			break
		}
		value := rest[sizeSize : sizeSize+int(size)]
		if key>>3 == number {
			return string(value), nil
		}
		message = rest[sizeSize+int(size):]
	}
	return "", errors.New("GetSystemInfo: unexpected response")
}

func serverVersion(url string) (string, error) {
	client, err := Connect(url)
	if err != nil {
		return "", err
	}
	defer client.Close()
	// The request has no fields, so it has no bytes.
	response, err := client.Call("GetSystemInfo", nil)
	if err != nil {
		return "", err
	}
	// In temporal.api.workflowservice.v1.GetSystemInfoResponse, server_version is field 1.
	return stringField(response, 1)
}

func main() {
	url := "http://127.0.0.1:7233"
	if len(os.Args) > 1 {
		url = os.Args[1]
	}
	version, err := serverVersion(url)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("server version:", version)
}
