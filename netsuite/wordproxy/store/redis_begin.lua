-- The store is there: made where nothing of its name was, else its schema is returned as it stands.
-- KEYS[1]: {prefix}:about.  ARGV: our mark, our schema, "1" to make one.
-- Returns the schema that is there; "none": none is and none was to be made; "foreign": the name is another's.
local base = string.sub(KEYS[1], 1, -6)
local kind = redis.call('TYPE', KEYS[1]).ok
if kind == 'hash' then
  if redis.call('HGET', KEYS[1], 'mark') ~= ARGV[1] then return 'foreign' end
  return redis.call('HGET', KEYS[1], 'schema') or 'foreign'
end
if kind ~= 'none' then return 'foreign' end
for _, name in ipairs({'node', 'pages', 'recent', 'days', 'sums', 'sites', 'sentences', 'langs', 'levels', 'tasks'}) do
  if redis.call('EXISTS', base .. name) == 1 then return 'foreign' end
end
if ARGV[3] ~= '1' then return 'none' end
redis.call('HSET', KEYS[1], 'mark', ARGV[1], 'schema', ARGV[2])
return ARGV[2]
