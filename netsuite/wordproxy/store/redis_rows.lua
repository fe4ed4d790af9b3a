-- Many values at once, each as MessagePack, one after another: what a client reads fastest.
-- KEYS[1]: {prefix}:about.  ARGV: the way, a name or names, more.
--   "get" name fields (packed): the values of those fields of a hash, nil where there is none
--   "scan" name cursor count: a step over a hash: next cursor, fields, values
--   "range" name first last: members of a sorted set, and their scores
--   "hashes" names (packed) at_most: whole hashes until so many fields are reached: fields and values of each;
--     of one that is larger by itself only how many fields it has
--   "holding" {names, bytes} (packed): which of those hashes have the bytes in a value
-- Fields and members are joined by NULs, scores by spaces.
local base = string.sub(KEYS[1], 1, -6)
local call, concat = redis.call, table.concat
local NIL = string.char(0xc0)

local function halves(flat)
  local names, values, n = {}, {}, 0
  for i = 1, #flat, 2 do
    n = n + 1
    names[n], values[n] = flat[i], flat[i + 1]
  end
  return n, concat(names, '\0'), values
end

local way, name = ARGV[1], ARGV[2]
if way == 'get' then
  local fields, values = cmsgpack.unpack(ARGV[3]), {}
  for start = 1, #fields, 1000 do
    local found = call('HMGET', base .. name, unpack(fields, start, math.min(start + 999, #fields)))
    for i = 1, #found do values[start + i - 1] = found[i] or NIL end
  end
  return concat(values)
elseif way == 'scan' then
  local answer = call('HSCAN', base .. name, ARGV[3], 'COUNT', ARGV[4])
  local n, names, values = halves(answer[2])
  return {answer[1], n, names, concat(values)}
elseif way == 'range' then
  local n, names, scores = halves(call('ZRANGE', base .. name, ARGV[3], ARGV[4], 'WITHSCORES'))
  return {n, names, concat(scores, ' ')}
elseif way == 'holding' then
  local asked, found = cmsgpack.unpack(name), {}
  for i, hash in ipairs(asked[1]) do
    for _, value in ipairs(call('HVALS', base .. hash)) do
      if string.find(value, asked[2], 1, true) then
        found[#found + 1] = i
        break
      end
    end
  end
  return found
end
local answers, left = {}, tonumber(ARGV[3])
for i, hash in ipairs(cmsgpack.unpack(name)) do
  local size = call('HLEN', base .. hash)
  if size > left and i > 1 then break end
  if size > tonumber(ARGV[3]) then
    answers[i] = {size}
    break
  end
  left = left - size
  local n, names, values = halves(call('HGETALL', base .. hash))
  answers[i] = {n, names, concat(values)}
end
return answers
