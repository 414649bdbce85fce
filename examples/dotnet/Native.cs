using System;
using System.Runtime.InteropServices;

/// The functions of the C interface. The structs are in Structs.cs, which structs.py generates.
static class Native
{
    const string Library = "temporalio_sdk_core_c_bridge";

    static readonly IntPtr Handle = NativeLibrary.Load(Library, typeof(Native).Assembly, null);

    [DllImport(Library)]
    public static extern IntPtr temporal_static_libs_abi_id();

    [DllImport(Library)]
    public static extern TemporalCoreRuntimeOrFail temporal_core_runtime_new(ref TemporalCoreRuntimeOptions options);

    [DllImport(Library)]
    public static extern void temporal_core_runtime_free(IntPtr runtime);

    [DllImport(Library)]
    public static extern void temporal_core_client_connect(
        IntPtr runtime, IntPtr options, IntPtr userData, IntPtr callback);

    [DllImport(Library)]
    public static extern void temporal_core_client_rpc_call(
        IntPtr connection, IntPtr options, IntPtr userData, IntPtr callback);

    [DllImport(Library)]
    public static extern void temporal_core_client_free(IntPtr connection);

    [DllImport(Library)]
    public static extern IntPtr temporal_static_libs_queue_new();

    [DllImport(Library)]
    public static extern void temporal_static_libs_queue_free(IntPtr queue);

    [DllImport(Library)]
    public static extern IntPtr temporal_static_libs_queue_tag(IntPtr queue, ulong tag);

    [DllImport(Library)]
    public static extern byte temporal_static_libs_queue_next(
        IntPtr queue, long timeoutMillis, ref TemporalStaticLibsEvent taken);

    [DllImport(Library)]
    public static extern void temporal_static_libs_event_free(ref TemporalStaticLibsEvent taken);

    [DllImport(Library)]
    public static extern void temporal_static_libs_on_worker(IntPtr userData, IntPtr fail);

    /// Returns the library's own callback that puts a result on a queue.
    public static IntPtr On(string callback)
    {
        return NativeLibrary.GetExport(Handle, "temporal_static_libs_on_" + callback);
    }

    /// Copies a TemporalCoreByteArray.
    public static byte[] Contents(IntPtr address)
    {
        var array = Marshal.PtrToStructure<TemporalCoreByteArray>(address);
        var bytes = new byte[array.size];
        Marshal.Copy(array.data, bytes, 0, bytes.Length);
        return bytes;
    }
}
