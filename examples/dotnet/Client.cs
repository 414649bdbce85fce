using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using System.Text;
using System.Threading.Tasks;

/// A failure that the library reports.
sealed class TemporalException : Exception
{
    public TemporalException(string message) : base(message) { }
}

/// A client. Requests and responses are protobuf.
sealed class Client : IDisposable
{
    const string Identity = "temporal-dotnet-example";

    readonly IntPtr runtime;
    readonly Results results;
    IntPtr connection;

    Client(IntPtr runtime)
    {
        this.runtime = runtime;
        results = new Results();
    }

    public static async Task<Client> Connect(string url)
    {
        if (Marshal.PtrToStringAnsi(Native.temporal_static_libs_abi_id()) != Interface.Abi)
            throw new TemporalException("the shared library does not have the ABI of Structs.cs");
        var runtimeOptions = new TemporalCoreRuntimeOptions();
        var made = Native.temporal_core_runtime_new(ref runtimeOptions);
        if (made.fail != IntPtr.Zero)
            throw new TemporalException(Encoding.UTF8.GetString(Native.Contents(made.fail)));
        var client = new Client(made.runtime);
        try
        {
            using (var lent = new Lent())
            {
                var options = lent.Copy(new TemporalCoreConnectionOptions
                {
                    target_url = lent.Bytes(url),
                    client_name = lent.Bytes(Identity),
                    client_version = lent.Bytes("1.0.0"),
                    identity = lent.Bytes(Identity),
                });
                var result = await client.results.Of("client_connect", (userData, callback) =>
                    Native.temporal_core_client_connect(client.runtime, options, userData, callback));
                client.connection = result.Connection;
            }
            return client;
        }
        catch
        {
            client.Dispose();
            throw;
        }
    }

    /// Calls an RPC of the workflow service.
    public async Task<byte[]> Call(string rpc, byte[] request)
    {
        using (var lent = new Lent())
        {
            var options = lent.Copy(new TemporalCoreRpcCallOptions
            {
                service = TemporalCoreRpcService.Workflow,
                rpc = lent.Bytes(rpc),
                req = lent.Bytes(request),
                retry = 1,
            });
            var result = await results.Of("client_rpc_call", (userData, callback) =>
                Native.temporal_core_client_rpc_call(connection, options, userData, callback));
            return result.Response;
        }
    }

    /// Call this only when no call is in flight.
    public void Dispose()
    {
        Native.temporal_core_client_free(connection);
        Native.temporal_core_runtime_free(runtime);
        results.Dispose();
    }
}

/// Memory that the garbage collector does not move. The library may read it until this object is disposed.
sealed class Lent : IDisposable
{
    readonly List<IntPtr> blocks = new List<IntPtr>();

    public TemporalCoreByteArrayRef Bytes(string text)
    {
        return Bytes(Encoding.UTF8.GetBytes(text));
    }

    public TemporalCoreByteArrayRef Bytes(byte[] bytes)
    {
        var block = Allocate(bytes.Length);
        Marshal.Copy(bytes, 0, block, bytes.Length);
        return new TemporalCoreByteArrayRef { data = block, size = (ulong)bytes.Length };
    }

    public IntPtr Copy<T>(T options) where T : struct
    {
        var block = Allocate(Marshal.SizeOf<T>());
        Marshal.StructureToPtr(options, block, false);
        return block;
    }

    public void Dispose()
    {
        blocks.ForEach(Marshal.FreeHGlobal);
    }

    IntPtr Allocate(int size)
    {
        var block = Marshal.AllocHGlobal(size);
        blocks.Add(block);
        return block;
    }
}
