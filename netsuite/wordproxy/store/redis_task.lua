-- A task stands in the schema's place, or the schema in the task's.
-- KEYS[1]: {prefix}:about.  ARGV: what must stand there, what shall.  Returns 1, or 0 where something else stood there.
if redis.call('HGET', KEYS[1], 'schema') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'schema', ARGV[2])
redis.call('HINCRBY', KEYS[1], 'stamp', 1)
redis.call('HINCRBY', KEYS[1], 'langs', 1)
return 1
