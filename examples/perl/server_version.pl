#!/usr/bin/env perl
# Asks a Temporal server for its version: connects, calls GetSystemInfo, and prints the result.

use v5.24;
use warnings;
use FFI::Platypus 2.00;
use FFI::Platypus::Buffer qw(buffer_to_scalar scalar_to_buffer);
use JSON::PP;

my ( $description, $url ) = @ARGV;
my $ffi       = FFI::Platypus->new( api => 2, lib => './libtemporalio_sdk_core_c_bridge.so' );
my $interface = decode_json( slurp($description) );
my %structs   = map { $_->{name} => $_ } $interface->{structs}->@*;
my %values    = map { $_->{name} => $_->{value} } map { $_->{constants}->@* } $interface->{enums}->@*;

package RuntimeOrFail {
    use FFI::Platypus::Record;
    record_layout_1( opaque => 'runtime', opaque => 'fail' );
}
$ffi->type( 'record(RuntimeOrFail)' => 'RuntimeOrFail' );

$ffi->attach( temporal_static_libs_abi_id     => []                           => 'string' );
$ffi->attach( temporal_core_runtime_new       => ['opaque']                   => 'RuntimeOrFail' );
$ffi->attach( temporal_core_runtime_free      => ['opaque'] );
$ffi->attach( temporal_core_client_connect    => [ ('opaque') x 4 ] );
$ffi->attach( temporal_core_client_rpc_call   => [ ('opaque') x 4 ] );
$ffi->attach( temporal_core_client_free       => ['opaque'] );
$ffi->attach( temporal_static_libs_queue_new  => []                           => 'opaque' );
$ffi->attach( temporal_static_libs_queue_free => ['opaque'] );
$ffi->attach( temporal_static_libs_queue_tag  => [ 'opaque', 'uint64' ]       => 'opaque' );
$ffi->attach( temporal_static_libs_queue_next => [ 'opaque', 'sint64', 'opaque' ] => 'bool' );
$ffi->attach( temporal_static_libs_event_free => ['opaque'] );

temporal_static_libs_abi_id() eq $interface->{abi}
    or die "libtemporalio_sdk_core_c_bridge.so does not have the ABI of $description\n";

sub slurp {
    my ($path) = @_;
    open my $file, '<:raw', $path or die "$path: $!\n";
    local $/;
    return scalar <$file>;
}

# Returns the address of a scalar's bytes. It is valid until the scalar is changed or freed.
sub address { return ( scalar_to_buffer( $_[0] ) )[0] }

# Returns a TemporalCoreByteArrayRef for a scalar's bytes.
sub lend { return pack 'QQ', scalar_to_buffer( $_[0] ) }

# Returns a struct with these fields, which must be packed. All other fields are zero.
sub struct {
    my ( $name, %fields ) = @_;
    my $bytes = "\0" x $structs{$name}{size};
    for my $member ( $structs{$name}{members}->@* ) {
        my $value = delete $fields{ $member->{name} } // next;
        substr $bytes, $member->{offset}, length $value, $value;
    }
    die "$name has no ", %fields if %fields;
    return $bytes;
}

# Returns a field of a struct, unpacked.
sub field {
    my ( $template, $name, $bytes, $field ) = @_;
    my ($member) = grep { $_->{name} eq $field } $structs{$name}{members}->@*;
    return unpack $template, substr $bytes, $member->{offset};
}

# Returns the bytes of a TemporalCoreByteArray.
sub contents {
    my ($address) = @_;
    my $array = buffer_to_scalar( $address, $structs{TemporalCoreByteArray}{size} );
    my ( $data, $size ) = map { field( 'Q', 'TemporalCoreByteArray', $array, $_ ) } qw(data size);
    return buffer_to_scalar( $data, $size );
}

# Returns the library's own callback for a call. It puts the result on the queue.
sub on { return $ffi->find_symbol("temporal_static_libs_on_$_[0]") }

# Waits for the result of the only call in flight.
sub await {
    my ($queue) = @_;
    my $name  = 'TemporalStaticLibsEvent';
    my $event = struct( $name, size => pack 'Q', $structs{$name}{size} );
    temporal_static_libs_queue_next( $queue, -1, address($event) );
    my ( $connection, $success, $fail ) =
        map { field( 'Q', $name, $event, $_ ) } qw(connection success fail);
    my $bytes = $fail || $success ? contents( $fail || $success ) : undef;

    # To keep the connection, set it to NULL in the event before freeing the event.
    my ($member) = grep { $_->{name} eq 'connection' } $structs{$name}{members}->@*;
    substr $event, $member->{offset}, 8, pack 'Q', 0;
    temporal_static_libs_event_free( address($event) );
    die "$bytes\n" if $fail;
    return $connection || $bytes;
}

my ( $identity, $version, $rpc ) = qw(temporal-perl-example 1.0.0 GetSystemInfo);

my $runtime_options = struct('TemporalCoreRuntimeOptions');
my $made            = temporal_core_runtime_new( address($runtime_options) );
die contents( $made->fail ), "\n" if $made->fail;

# Keep the options, and everything that they refer to, until the result arrives.
my $queue           = temporal_static_libs_queue_new();
my $connect_options = struct(
    'TemporalCoreConnectionOptions',
    target_url     => lend($url),
    client_name    => lend($identity),
    client_version => lend($version),
    identity       => lend($identity),
);
temporal_core_client_connect( $made->runtime, address($connect_options),
    temporal_static_libs_queue_tag( $queue, 1 ), on('client_connect') );
my $connection = await($queue);

my $call_options = struct(
    'TemporalCoreRpcCallOptions',
    service => pack( 'L', $values{TemporalCoreRpcService_Workflow} ),
    rpc     => lend($rpc),
    retry   => pack( 'C', 1 ),
);
temporal_core_client_rpc_call( $connection, address($call_options),
    temporal_static_libs_queue_tag( $queue, 2 ), on('client_rpc_call') );
my $response = await($queue);

# temporal.api.workflowservice.v1.GetSystemInfoResponse begins with field 1, server_version.
my ( $key, $text ) = unpack 'C C/a', $response;
say "server version: $text";

temporal_core_client_free($connection);
temporal_core_runtime_free( $made->runtime );
temporal_static_libs_queue_free($queue);
