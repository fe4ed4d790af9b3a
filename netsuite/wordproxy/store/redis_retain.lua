-- Some pages last met before a day are gone; returns how many.  Numbers stay.
-- KEYS[1]: {prefix}:about.  ARGV: our schema, the first score to keep, how many pages at most.
-- The entry that finds a page is removed last: a script that failed is made good by the next.
local base = string.sub(KEYS[1], 1, -6)
if redis.call('HGET', KEYS[1], 'schema') ~= ARGV[1] then
  return redis.error_reply('SCHEMA the store is gone or was changed')
end
local old = redis.call('ZRANGEBYSCORE', base .. 'recent', '-inf', '(' .. ARGV[2], 'LIMIT', 0, ARGV[3])
for _, id in ipairs(old) do
  local row = redis.call('HGET', base .. 'pages', id)
  if row then
    local about = cmsgpack.unpack(row)
    for i = 8, #about do
      redis.call('SREM', base .. 'visit:' .. string.format('%07d', about[i]), id)
    end
  end
  redis.call('DEL', base .. 'met:' .. id)
  redis.call('HDEL', base .. 'pages', id)
  redis.call('ZREM', base .. 'recent', id)
end
if #old > 0 then redis.call('HINCRBY', KEYS[1], 'stamp', 1) end
return #old
