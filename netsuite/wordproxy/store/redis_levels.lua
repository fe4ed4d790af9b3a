-- The words have these levels, all or none; returns the levels that they had, in the order asked, as numbers.
-- KEYS[1]: {prefix}:about.  ARGV: our schema, in MessagePack {{lang, {key, level, ...}}, ...}: level 0 is none.
local base = string.sub(KEYS[1], 1, -6)
if redis.call('HGET', KEYS[1], 'schema') ~= ARGV[1] then
  return redis.error_reply('SCHEMA the store is gone or was changed')
end
local before, parts = {}, cmsgpack.unpack(ARGV[2])
redis.call('SCARD', base .. 'levels')   -- of another kind: fails now
for _, part in ipairs(parts) do
  for i = 1, #part[2], 2 do
    local level = redis.call('HGET', base .. 'levels:' .. part[1], part[2][i])
    before[#before + 1] = level and cmsgpack.unpack(level) or 0
  end
end
redis.call('HINCRBY', KEYS[1], 'stamp', 1)
for _, part in ipairs(parts) do
  local name = base .. 'levels:' .. part[1]
  for i = 1, #part[2], 2 do
    if part[2][i + 1] == 0 then
      redis.call('HDEL', name, part[2][i])
    else
      redis.call('HSET', name, part[2][i], cmsgpack.pack(part[2][i + 1]))
    end
  end
  redis.call(redis.call('EXISTS', name) == 1 and 'SADD' or 'SREM', base .. 'levels', part[1])
end
return cmsgpack.pack(before)
