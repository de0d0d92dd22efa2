-- Sends contacts with an id of their own each; %BODY% and %TOKEN% come from the environment.
local token = os.getenv("BENCH_TOKEN")
local body = os.getenv("BENCH_BODY")
local seed = os.getenv("BENCH_SEED")
math.randomseed(tonumber(seed))
local headers = { ["Authorization"] = "Bearer " .. token, ["Content-Type"] = "application/json" }

local function hex(n)
  return string.format("%0" .. n .. "x", math.random(0, 16 ^ n - 1))
end

request = function()
  local id = hex(8) .. "-" .. hex(4) .. "-4" .. hex(3) .. "-a" .. hex(3) .. "-" .. hex(6) .. hex(6)
  return wrk.format("PUT", "/intake/v1/contacts/" .. id, headers, body)
end

done = function(summary, latency)
  local failed = summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout
  io.write(string.format("RESULT %d %d %d %d %d\n", summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), failed))
end
