-- Keys are gone, if the store is still being emptied: once that is over they are those of a new one.
-- KEYS[1]: {prefix}:about.  ARGV: the task, keys.
if redis.call('HGET', KEYS[1], 'schema') ~= ARGV[1] then return 0 end
for i = 2, #ARGV do redis.call('UNLINK', ARGV[i]) end
return 1
