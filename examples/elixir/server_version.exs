# Asks a Temporal server for its version: connects, calls GetSystemInfo, and prints the result.

[url] = System.argv()

with {:ok, connection} <- Temporal.connect(url),
     {:ok, response} <- Temporal.call(connection, "GetSystemInfo", "") do
  # temporal.api.workflowservice.v1.GetSystemInfoResponse begins with field 1, server_version.
  <<1::5, 2::3, size, version::binary-size(size), _rest::binary>> = response
  IO.puts("server version: #{version}")
else
  {:error, message} ->
    IO.puts(:stderr, message)
    System.halt(1)
end
