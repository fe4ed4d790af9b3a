-- One change is made, whole or not at all, if what it was worked out from is still so.
--
-- KEYS[1]: {prefix}:about.  ARGV: our schema, and in MessagePack
--   {guards, node, words, tallies, readings, coverage, sites, commands, unsaid, said}:
--   guard {name, field, value or false}: the field must have this value, or not be there
--   node {id, last sequence}, or false
--   words {lang, pages, keys, rows, spans}: what is added to the language's new pages and to each word; by word,
--     the first and last day that it has after that, where these are to be told, and those that it must have now
--   tallies {name, keys, rows}: what is added at one place; these rows are packed once more, so that one that is
--     new is kept as it came
--   readings {name, {field, row, ...}}, coverage {name, {field, amount, ...}}, sites {host, pages, ...}: the same
--   command {command, name, argument, ...}: done as it stands
--   unsaid: names of sentences that are gone
--   said {name, sentence, language, keys}: a sentence that these words show, if it is new; past CONTEXTS of a word
--     the oldest sentence doesn't show it any more
-- Returns 1, or 0 where a guard failed: the change is to be worked out anew.  redisrows.py tells of the rows.
--
-- Redis undoes nothing when a script fails, so the first part only reads, every key as the kind that it must be;
-- what can fail (a key of another kind, a value that is none) fails there.  Then writes are done that can't.
-- Want of memory or a read-only server refuses the first write, or none.
local base = string.sub(KEYS[1], 1, -6)
local SLICE = 1000  -- unpack is bounded by Lua's stack
local call, unpacked, packed = redis.call, cmsgpack.unpack, cmsgpack.pack

if call('HGET', KEYS[1], 'schema') ~= ARGV[1] then
  return redis.error_reply('SCHEMA the store is gone or was changed')
end
local change = unpacked(ARGV[2])
local guards, node, words, tallies, readings, coverage, sites, commands, unsaid, said = unpack(change)
for _, guard in ipairs(guards) do
  if call('HGET', base .. guard[1], guard[2]) ~= guard[3] then return 0 end
end

local writes = {}   -- command, key, arguments, by turns

local function write(command, key, arguments)
  local n = #writes
  writes[n + 1], writes[n + 2], writes[n + 3] = command, key, arguments
end

local KINDS = {HSET = 'hash', HDEL = 'hash', ZADD = 'zset', ZREM = 'zset', SADD = 'set', SREM = 'set'}

local function probe(kind, key)
  local found = call('TYPE', key).ok
  if found ~= 'none' and found ~= kind then error('WRONGTYPE a key of ours is of another kind') end
end

local function fetch(key, fields)
  local values = {}
  for start = 1, #fields, SLICE do
    local stop = math.min(start + SLICE - 1, #fields)
    local found = call('HMGET', key, unpack(fields, start, stop))
    for i = 1, stop - start + 1 do values[start + i - 1] = found[i] end
  end
  return values
end

local function add_forms(row, delta)
  for i = 9, #delta, 2 do
    local form, at = delta[i], 9
    while row[at] and row[at] ~= form do at = at + 2 end
    local times = (row[at + 1] or 0) + delta[i + 1]
    if times ~= 0 then
      row[at], row[at + 1] = form, times
    elseif row[at] then
      table.remove(row, at)
      table.remove(row, at)
    end
  end
end

-- words

for _, part in ipairs(words) do
  local lang, keys, rows, spans = part[1], part[3], part[4], part[5]
  local name, top, all, named = base .. 'words:' .. lang, base .. 'top:' .. lang, base .. 'all:' .. lang,
    base .. 'names:' .. lang
  probe('zset', top)
  probe('zset', all)
  probe('set', named)
  local sum = unpacked(call('HGET', base .. 'sums', lang) or packed({0, 0, 0, 0, 0}))
  local put, rank, rank_all, add, lose, lose_top, gone = {}, {}, {}, {}, {}, {}, {}
  local found = fetch(name, keys)
  for i = 1, #keys do
    local key, delta, value = keys[i], rows[i], found[i]
    local row = value and unpacked(value) or {0, 0, 0, 0, delta[5], delta[6], 0, 0}
    local main, total = row[1], row[1] + row[2]
    local was_name = row[7] > 0 and row[8] == 0
    local main_now, now = main + delta[1], total + delta[1] + delta[2]
    row[1], row[2] = main_now, row[2] + delta[2]
    row[3], row[4] = row[3] + delta[3], row[4] + delta[4]
    if delta[5] < row[5] then row[5] = delta[5] end
    if delta[6] > row[6] then row[6] = delta[6] end
    local span = spans[key]
    if span then
      if row[5] ~= span[3] or row[6] ~= span[4] then return 0 end
      row[5], row[6] = span[1], span[2]
    end
    row[7], row[8] = row[7] + delta[7], row[8] + delta[8]
    if delta[9] then add_forms(row, delta) end
    sum[1], sum[3] = sum[1] + delta[1], sum[3] + delta[1] + delta[2]
    if main == 0 and main_now > 0 then sum[2] = sum[2] + 1 end
    if total == 0 and now > 0 then sum[4] = sum[4] + 1 end
    if main_now > 0 then
      if main_now ~= main then rank[#rank + 1] = -main_now; rank[#rank + 1] = key end
    elseif main > 0 then
      sum[2] = sum[2] - 1
      lose_top[#lose_top + 1] = key
    end
    local is_name = row[7] > 0 and row[8] == 0
    if is_name ~= was_name then
      if is_name then add[#add + 1] = key else lose[#lose + 1] = key end
    end
    if now > 0 then
      put[#put + 1] = key
      put[#put + 1] = packed(row)
      if now ~= total then rank_all[#rank_all + 1] = -now; rank_all[#rank_all + 1] = key end
    elseif value then
      sum[4] = sum[4] - 1
      gone[#gone + 1] = key
    end
  end
  sum[5] = sum[5] + part[2]
  write('HSET', name, put)
  write('ZADD', top, rank)
  write('ZADD', all, rank_all)
  write('SADD', named, add)
  write('SREM', named, lose)
  write('ZREM', top, lose_top)
  write('ZREM', all, gone)
  write('HDEL', name, gone)
  if sum[4] > 0 or sum[5] > 0 then
    write('HSET', base .. 'sums', {lang, packed(sum)})
  else
    write('HDEL', base .. 'sums', {lang})
  end
end

-- sentences

local CONTEXTS = tonumber(ARGV[3])
local sentences, shown = {}, {}   -- by name, false: gone;  by language, by word: names, days, orders by turns

local function sentence(name)
  if sentences[name] == nil then
    local value = call('HGET', base .. 'sentences', name)
    sentences[name] = value and unpacked(value) or false
  end
  return sentences[name]
end

local function row_of(lang, key)
  shown[lang] = shown[lang] or {}
  if not shown[lang][key] then
    local value = call('HGET', base .. 'contexts:' .. lang, key)
    shown[lang][key] = value and unpacked(value) or {}
  end
  return shown[lang][key]
end

local function place(list, what, step)
  for i = 1, #list, step do
    if list[i] == what then return i end
  end
end

local function cut(list, at, n)
  for _ = 1, n do table.remove(list, at) end
end

for _, name in ipairs(unsaid) do
  local about = sentence(name)
  if about then
    local lang = string.match(about[1], ':(.*)$')
    for _, key in ipairs(about[6]) do
      local row = row_of(lang, key)
      local at = place(row, name, 3)
      if at then cut(row, at, 3) end
    end
    sentences[name] = false
  end
end

for _, one in ipairs(said) do
  local name, lang = one[1], one[3]
  local about = sentence(name) or one[2]
  sentences[name] = about
  for _, key in ipairs(one[4]) do
    local row = row_of(lang, key)
    if not place(row, name, 3) then
      local n = #row
      row[n + 1], row[n + 2], row[n + 3] = name, about[3], about[4]
      about[6][#about[6] + 1] = key
      if n >= 3 * CONTEXTS then
        local oldest = 1
        for i = 4, n + 1, 3 do
          local day, order = row[i + 1], row[i + 2]
          if day < row[oldest + 1] or (day == row[oldest + 1] and order < row[oldest + 2]) then oldest = i end
        end
        local lost = sentence(row[oldest])
        cut(row, oldest, 3)
        local at = lost and place(lost[6], key, 1)
        if at then cut(lost[6], at, 1) end
      end
    end
  end
end

for name, about in pairs(sentences) do
  if about and #about[6] > 0 then
    write('HSET', base .. 'sentences', {name, packed(about)})
  else
    write('HDEL', base .. 'sentences', {name})
  end
end
for lang, rows in pairs(shown) do
  for key, row in pairs(rows) do
    if #row > 0 then
      write('HSET', base .. 'contexts:' .. lang, {key, packed(row)})
    else
      write('HDEL', base .. 'contexts:' .. lang, {key})
    end
  end
end

-- places

for _, part in ipairs(tallies) do
  local name, keys, rows = base .. part[1], part[2], part[3]
  local put, gone = {}, {}
  local found = fetch(name, keys)
  for i = 1, #keys do
    local value = found[i]
    if value then
      local row, delta = unpacked(value), unpacked(rows[i])
      local is_there = false
      for at = 1, 8 do
        row[at] = row[at] + delta[at]
        is_there = is_there or row[at] ~= 0
      end
      if delta[9] then add_forms(row, delta) end
      value = is_there and packed(row)
    else
      value = rows[i]
    end
    if value then
      put[#put + 1] = keys[i]
      put[#put + 1] = value
    else
      gone[#gone + 1] = keys[i]
    end
  end
  write('HSET', name, put)
  write('HDEL', name, gone)
end

for _, part in ipairs(readings) do
  local name, pairs_ = base .. part[1], part[2]
  for i = 1, #pairs_, 2 do
    local row, delta = unpacked(call('HGET', name, pairs_[i]) or packed({0, 0, 0})), pairs_[i + 1]
    row = {row[1] + delta[1], row[2] + delta[2], row[3] + delta[3]}
    if row[1] ~= 0 or row[2] ~= 0 or row[3] ~= 0 then
      write('HSET', name, {pairs_[i], packed(row)})
    else
      write('HDEL', name, {pairs_[i]})
    end
  end
end

-- Amounts that would fall below nought are of pages that were met before schema 2, and are nought.
local function add_texts(name, pairs_)
  for i = 1, #pairs_, 2 do
    local amount = tonumber(call('HGET', name, pairs_[i]) or 0) + pairs_[i + 1]
    if amount > 0 then
      write('HSET', name, {pairs_[i], string.format('%.17g', amount)})
    else
      write('HDEL', name, {pairs_[i]})
    end
  end
end

for _, part in ipairs(coverage) do add_texts(base .. part[1], part[2]) end
add_texts(base .. 'sites', sites)

for _, command in ipairs(commands) do
  local kind, key = KINDS[command[1]], base .. command[2]
  if kind then probe(kind, key) end
  local arguments = {}
  for i = 3, #command do arguments[i - 2] = command[i] end
  write(command[1], key, arguments)
end
if node then
  local before = call('HGET', base .. 'node', node[1])
  local last = math.max(before and unpacked(before)[1] or -1, node[2])
  write('HSET', base .. 'node', {node[1], packed({last, tonumber(call('TIME')[1])})})
end
local stamp = tonumber(call('HGET', KEYS[1], 'stamp') or 0)

-- From here on only writes.
call('HSET', KEYS[1], 'stamp', string.format('%.0f', stamp + 1))
for i = 1, #writes, 3 do
  local command, key, arguments = writes[i], writes[i + 1], writes[i + 2]
  if command == 'DEL' then
    call('DEL', key)
  end
  for start = 1, #arguments, 2 * SLICE do
    call(command, key, unpack(arguments, start, math.min(start + 2 * SLICE - 1, #arguments)))
  end
end
return 1
