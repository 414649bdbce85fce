using System;
using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Text;
using System.Threading;
using System.Threading.Tasks;

/// The result of a call.
struct Result
{
    public IntPtr Connection;
    public byte[] Response;
}

/// Results of calls, as tasks. One thread takes them from a completion queue, so no thread of the library runs
/// managed code, and no delegate has to stay alive.
sealed class Results : IDisposable
{
    const ulong Stop = 0;

    readonly IntPtr queue = Native.temporal_static_libs_queue_new();
    readonly ConcurrentDictionary<ulong, TaskCompletionSource<Result>> inFlight =
        new ConcurrentDictionary<ulong, TaskCompletionSource<Result>>();
    readonly Thread thread;
    long lastTag;

    public Results()
    {
        thread = new Thread(Take) { IsBackground = true };
        thread.Start();
    }

    /// Starts a call, given its user data and its callback, and returns its result.
    public Task<Result> Of(string callback, Action<IntPtr, IntPtr> start)
    {
        var tag = (ulong)Interlocked.Increment(ref lastTag);
        var source = new TaskCompletionSource<Result>(TaskCreationOptions.RunContinuationsAsynchronously);
        inFlight[tag] = source;
        start(Native.temporal_static_libs_queue_tag(queue, tag), Native.On(callback));
        return source.Task;
    }

    public void Dispose()
    {
        Native.temporal_static_libs_on_worker(Native.temporal_static_libs_queue_tag(queue, Stop), IntPtr.Zero);
        thread.Join();
        Native.temporal_static_libs_queue_free(queue);
    }

    void Take()
    {
        var taken = new TemporalStaticLibsEvent { size = (ulong)Marshal.SizeOf<TemporalStaticLibsEvent>() };
        while (Native.temporal_static_libs_queue_next(queue, -1, ref taken) != 0 && taken.tag != Stop)
        {
            inFlight.TryRemove(taken.tag, out var source);
            if (taken.fail != IntPtr.Zero)
                source.SetException(new TemporalException(Encoding.UTF8.GetString(Native.Contents(taken.fail))));
            else
                source.SetResult(new Result
                {
                    Connection = taken.connection,
                    Response = taken.success == IntPtr.Zero ? null : Native.Contents(taken.success),
                });
            taken.connection = IntPtr.Zero; // keeps the connection
            Native.temporal_static_libs_event_free(ref taken);
        }
    }
}
