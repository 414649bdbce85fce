defmodule Temporal do
  @moduledoc """
  A client for Temporal. Requests and responses are protobuf, as binaries.
  """

  @on_load :load

  @doc "Connects to a server. The connection closes when no process refers to it any more."
  def connect(url), do: await(start_connect(url))

  @doc "Calls an RPC of the workflow service."
  def call(connection, rpc, request), do: await(start_call(connection, rpc, request))

  # Only this process waits.
  defp await(reference) do
    receive do
      {^reference, result} -> result
    end
  end

  defp start_connect(_url), do: :erlang.nif_error(:not_loaded)
  defp start_call(_connection, _rpc, _request), do: :erlang.nif_error(:not_loaded)

  @doc false
  def load, do: :erlang.load_nif(String.to_charlist(Path.join(__DIR__, "temporal_nif")), 0)
end
