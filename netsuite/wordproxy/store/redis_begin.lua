-- The store is there: made where nothing of its name was, else its schema is returned.
-- KEYS[1]: {prefix}:about.  ARGV: our mark, our schema, "1" to make one.
-- Returns the schema that is there; 0: none is and none was to be made; -1: the name is another's.
local base = string.sub(KEYS[1], 1, -6)
local kind = redis.call('TYPE', KEYS[1]).ok
if kind == 'hash' then
  if redis.call('HGET', KEYS[1], 'mark') ~= ARGV[1] then return -1 end
  return tonumber(redis.call('HGET', KEYS[1], 'schema') or -1)
end
if kind ~= 'none' then return -1 end
for _, name in ipairs({'node', 'pages', 'recent', 'days', 'sums', 'sites'}) do
  if redis.call('EXISTS', base .. name) == 1 then return -1 end
end
if ARGV[3] ~= '1' then return 0 end
redis.call('HSET', KEYS[1], 'mark', ARGV[1], 'schema', ARGV[2])
return tonumber(ARGV[2])
