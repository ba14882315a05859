-- A token bucket, in whole tokens, by the server's machine time. KEYS[1] the bucket; ARGV: rate (tokens a second),
-- burst (most tokens at once), wanted. Takes what there is, up to `wanted`; answers {taken, milliseconds until the next}.
local rate, burst, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local bucket = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens, at = tonumber(bucket[1]) or burst, tonumber(bucket[2]) or now
tokens = math.min(burst, tokens + math.max(0, now - at) * rate / 1000)
local taken = math.min(math.floor(tokens), wanted)
tokens = tokens - taken
redis.call('HSET', KEYS[1], 'tokens', string.format('%.6f', tokens), 'at', now)
redis.call('PEXPIRE', KEYS[1], math.ceil(burst / rate * 1000) + 1000)  -- by then it is full again, as if it were not there
local missing = taken > 0 and 0 or math.ceil((1 - tokens) / rate * 1000)
return {taken, missing}
