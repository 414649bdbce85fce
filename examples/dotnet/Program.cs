// Asks a Temporal server for its version: connects, calls GetSystemInfo, and prints the result.

using System;
using System.Text;
using System.Threading.Tasks;

static class Program
{
    static int Main(string[] arguments)
    {
        try
        {
            Console.WriteLine("server version: " + ServerVersion(arguments[0]).GetAwaiter().GetResult());
            return 0;
        }
        catch (TemporalException failure)
        {
            Console.Error.WriteLine(failure.Message);
            return 1;
        }
    }

    static async Task<string> ServerVersion(string url)
    {
        using (var client = await Client.Connect(url))
        {
            var response = await client.Call("GetSystemInfo", new byte[0]);
            // temporal.api.workflowservice.v1.GetSystemInfoResponse begins with field 1, server_version.
            return Encoding.UTF8.GetString(response, 2, response[1]);
        }
    }
}
