<?php

// Asks a Temporal server for its version: connects, calls GetSystemInfo, and prints the result.

declare(strict_types=1);

/** A call: the memory that is lent to the library, and the result. */
final class Call
{
    /** @var FFI\CData[] */
    private array $lent = [];

    public function __construct(private FFI $c, private FFI\CData $queue)
    {
    }

    /** Returns a TemporalCoreByteArrayRef for a copy of a string. It is valid as long as this object is. */
    public function lend(string $text): FFI\CData
    {
        $bytes = $this->c->new('TemporalCoreByteArrayRef');
        if ($text !== '') {
            $this->lent[] = $data = $this->c->new('uint8_t[' . strlen($text) . ']');
            FFI::memcpy($data, $text, strlen($text));
            $bytes->data = FFI::addr($data[0]);
            $bytes->size = strlen($text);
        }
        return $bytes;
    }

    /** Returns the user data for the call. */
    public function tag(): FFI\CData
    {
        return $this->c->temporal_static_libs_queue_tag($this->queue, 0);
    }

    /** Waits for the result, and returns a connection or the bytes of a response. */
    public function result(): FFI\CData|string
    {
        $event = $this->c->new('TemporalStaticLibsEvent');
        $event->size = FFI::sizeof($event);
        $this->c->temporal_static_libs_queue_next($this->queue, -1, FFI::addr($event));
        $connection = $event->connection;
        $event->connection = null; // keeps the connection
        $failed = $event->fail !== null;
        $bytes = $failed ? $event->fail : $event->success;
        $text = $bytes === null ? '' : FFI::string($bytes->data, $bytes->size);
        $this->c->temporal_static_libs_event_free(FFI::addr($event));
        if ($failed) {
            throw new RuntimeException($text);
        }
        return $connection ?? $text;
    }
}

function connect(FFI $c, FFI\CData $runtime, FFI\CData $queue, string $url): FFI\CData
{
    $call = new Call($c, $queue);
    $options = $c->new('TemporalCoreConnectionOptions');
    $options->target_url = $call->lend($url);
    $options->client_name = $call->lend('temporal-php-example');
    $options->client_version = $call->lend('1.0.0');
    $options->identity = $call->lend('temporal-php-example');
    $callback = $c->temporal_static_libs_on_client_connect;
    $c->temporal_core_client_connect($runtime, FFI::addr($options), $call->tag(), $callback);
    return $call->result();
}

/** Calls an RPC of the workflow service. Request and response are protobuf. */
function call(FFI $c, FFI\CData $connection, FFI\CData $queue, string $rpc, string $request): string
{
    $call = new Call($c, $queue);
    $options = $c->new('TemporalCoreRpcCallOptions');
    $options->service = $c->TemporalCoreRpcService_Workflow;
    $options->rpc = $call->lend($rpc);
    $options->req = $call->lend($request);
    $options->retry = true;
    $callback = $c->temporal_static_libs_on_client_rpc_call;
    $c->temporal_core_client_rpc_call($connection, FFI::addr($options), $call->tag(), $callback);
    return $call->result();
}

// This fails if the library does not match the header's version and interface, because the header declares a
// function that only the matching library has.
$c = FFI::cdef(file_get_contents(__DIR__ . '/temporal.h'), __DIR__ . '/libtemporalio_sdk_core_c_bridge.so');
$made = $c->temporal_core_runtime_new(FFI::addr($c->new('TemporalCoreRuntimeOptions')));
if ($made->fail !== null) {
    throw new RuntimeException(FFI::string($made->fail->data, $made->fail->size));
}
$queue = $c->temporal_static_libs_queue_new();
try {
    $connection = connect($c, $made->runtime, $queue, $argv[1]);
    $response = call($c, $connection, $queue, 'GetSystemInfo', '');
    $c->temporal_core_client_free($connection);
    // temporal.api.workflowservice.v1.GetSystemInfoResponse begins with field 1, server_version.
    echo 'server version: ', substr($response, 2, ord($response[1])), "\n";
} catch (RuntimeException $failure) {
    fwrite(STDERR, "{$failure->getMessage()}\n");
    exit(1);
}
$c->temporal_core_runtime_free($made->runtime);
$c->temporal_static_libs_queue_free($queue);
