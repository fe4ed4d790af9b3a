-- A batch is added, whole or not at all, and never twice.
--
-- KEYS[1]: {prefix}:about.  ARGV: our schema, the node, and in MessagePack {last, pages, notes}:
--   page {sequence, digest:lang, day, lang, host, url or false, title or false, seen, words},
--   word {key, main, other, {form, n, form, n, ...}}, each key once;  note {sequence, day, host, outcome, amount}.
-- A day is its number in seven digits.
--
-- Redis undoes nothing when a script fails, so the first part only reads, every key once and as the kind that
-- it must be, and adds up in tables; what can fail (a key of another kind, a value that is none) fails there.
-- The second part only writes.  Want of memory or a read-only server refuses its first write, or none.
local base = string.sub(KEYS[1], 1, -6)
local SLICE = 1000  -- unpack is bounded by Lua's stack

if redis.call('HGET', KEYS[1], 'schema') ~= ARGV[1] then
  return redis.error_reply('SCHEMA the store is gone or was changed')
end
local node = ARGV[2]
local batch = cmsgpack.unpack(ARGV[3])
local last, pages, notes = batch[1], batch[2], batch[3]

local hashes = {}   -- key -> field -> value as it will be; false: is not there

local function fetch(key, fields, is_text)
  local hash = hashes[key]
  if not hash then
    hash = {}
    hashes[key] = hash
  end
  local missing = {}
  for _, field in ipairs(fields) do
    if hash[field] == nil then
      hash[field] = false
      missing[#missing + 1] = field
    end
  end
  for start = 1, #missing, SLICE do
    local stop = math.min(start + SLICE - 1, #missing)
    local found = redis.call('HMGET', key, unpack(missing, start, stop))
    for i = 1, stop - start + 1 do
      local value = found[i]
      if value then
        hash[missing[start + i - 1]] = is_text and value or cmsgpack.unpack(value)
      end
    end
  end
  return hash
end

local sorted, sets = {}, {}   -- key -> member -> score;  key -> member -> true

local function gathered(all, key, probe)
  local members = all[key]
  if not members then
    redis.call(probe, key)    -- of another kind: fails now, before anything is written
    members = {}
    all[key] = members
  end
  return members
end

local function cover(day, host, outcome, amount)
  local field = outcome .. '\0' .. host
  local hash = fetch(base .. 'coverage:' .. day, {field}, true)
  hash[field] = string.format('%.17g', tonumber(hash[field] or 0) + amount)
  gathered(sorted, base .. 'days', 'ZCARD')[day] = tonumber(day)
end

local function one(yes)
  return yes and 1 or 0
end

local function add_word(row, day, number, met, words, tallies, sum)
  local key, main, other, forms = row[1], row[2], row[3], row[4]
  local before = met[key] or ''
  local is_page, is_any, is_new, is_any_new = main > 0, true, main > 0, before == ''
  if is_any_new then
    met[key] = day .. (main > 0 and '+' or '-')
  else
    local in_main = string.find(before, day .. '+', 1, true)
    local at = string.find(before, day .. '-', 1, true)
    is_page, is_any = is_page and not in_main, not in_main and not at
    is_new = is_new and not string.find(before, '+', 1, true)
    if is_any then
      met[key] = before .. day .. (main > 0 and '+' or '-')
    elseif at and main > 0 then
      met[key] = string.sub(before, 1, at + #day - 1) .. '+' .. string.sub(before, at + #day + 1)
    end
  end

  local tally = tallies[key] or {0, 0, 0, 0, 0, 0}
  tallies[key] = tally
  tally[1], tally[2] = tally[1] + main, tally[2] + other
  tally[3], tally[4] = tally[3] + one(is_page), tally[4] + one(is_any)
  tally[5], tally[6] = tally[5] + one(is_new), tally[6] + one(is_any_new)

  local word = words[key] or {0, 0, 0, 0, number, number}
  words[key] = word
  sum[1], sum[2] = sum[1] + main, sum[2] + one(word[1] == 0 and main > 0)
  sum[3], sum[4] = sum[3] + main + other, sum[4] + one(word[1] + word[2] == 0)
  word[1], word[2] = word[1] + main, word[2] + other
  word[3], word[4] = word[3] + one(is_new), word[4] + one(is_any_new)
  word[5], word[6] = math.min(word[5], number), math.max(word[6], number)
  for i = 1, #forms, 2 do
    local place = 7
    while word[place] and word[place] ~= forms[i] do place = place + 2 end
    word[place], word[place + 1] = forms[i], (word[place + 1] or 0) + forms[i + 1]
  end
  return word
end

local function add_page(page)
  local id, day, lang, host = page[2], page[3], page[4], page[5]
  local number, seen, rows = tonumber(day), page[8], page[9]

  local all = fetch(base .. 'pages', {id})
  local about = all[id]
  local is_new = not about
  if is_new then about = {host, false, false, number, number, 0, 0} end
  all[id] = about
  about[2], about[3] = page[6] or about[2], page[7] or about[3]
  about[4], about[5] = math.min(about[4], number), math.max(about[5], number)
  about[6], about[7] = math.max(about[6], seen), about[7] + 1
  local is_first = true
  for i = 8, #about do
    if about[i] == number then is_first = false end
  end
  if is_first then about[#about + 1] = number end
  gathered(sorted, base .. 'recent', 'ZCARD')[id] = about[5] * 4294967296 + about[6]
  gathered(sets, base .. 'visit:' .. day, 'SCARD')[id] = true

  local place = lang .. '\0' .. host
  local readings = fetch(base .. 'reading:' .. day, {place})
  local reading = readings[place] or {0, 0, 0}
  readings[place] = reading
  reading[1], reading[2] = reading[1] + 1, reading[2] + one(is_first)
  reading[3] = reading[3] + one(is_new)
  local sites = fetch(base .. 'sites', {host}, true)
  sites[host] = tostring(tonumber(sites[host] or 0) + one(is_new))
  local sums = fetch(base .. 'sums', {lang})
  local sum = sums[lang] or {0, 0, 0, 0, 0}  -- main text: occurrences, words; everything: the same; pages
  sums[lang] = sum
  sum[5] = sum[5] + one(is_new)

  local keys = {}
  for i, row in ipairs(rows) do keys[i] = row[1] end
  local met = fetch(base .. 'met:' .. id, keys, true)
  local words = fetch(base .. 'words:' .. lang, keys)
  local tallies = fetch(base .. 'tally:' .. day .. ':' .. place, keys)
  local top = gathered(sorted, base .. 'top:' .. lang, 'ZCARD')
  local top_all = gathered(sorted, base .. 'all:' .. lang, 'ZCARD')
  for _, row in ipairs(rows) do
    local word = add_word(row, day, number, met, words, tallies, sum)
    if word[1] > 0 then top[row[1]] = -word[1] end
    top_all[row[1]] = -(word[1] + word[2])
  end
  cover(day, host, 'counted', 1)
end

local nodes = fetch(base .. 'node', {node})
local past = nodes[node] and nodes[node][1] or -1
local reached = math.max(past, last)
local changed = 0
for _, page in ipairs(pages) do
  if page[1] > past then
    add_page(page)
    changed, reached = 1, math.max(reached, page[1])
  end
end
for _, note in ipairs(notes) do
  if note[1] > past then
    cover(note[2], note[3], note[4], note[5])
    changed, reached = 1, math.max(reached, note[1])
  end
end
nodes[node] = {reached, tonumber(redis.call('TIME')[1])}
local stamp = tonumber(redis.call('HGET', KEYS[1], 'stamp') or 0)

-- From here on only writes.
redis.call('HSET', KEYS[1], 'stamp', string.format('%.0f', stamp + changed))

local function write(command, key, arguments)
  for start = 1, #arguments, 2 * SLICE do
    redis.call(command, key, unpack(arguments, start, math.min(start + 2 * SLICE - 1, #arguments)))
  end
end

for key, hash in pairs(hashes) do
  local arguments, n = {}, 0
  for field, value in pairs(hash) do
    if value then
      arguments[n + 1] = field
      arguments[n + 2] = type(value) == 'table' and cmsgpack.pack(value) or value
      n = n + 2
    end
  end
  write('HSET', key, arguments)
end
for key, members in pairs(sorted) do
  local arguments, n = {}, 0
  for member, score in pairs(members) do
    arguments[n + 1], arguments[n + 2] = string.format('%.0f', score), member
    n = n + 2
  end
  write('ZADD', key, arguments)
end
for key, members in pairs(sets) do
  local arguments = {}
  for member in pairs(members) do arguments[#arguments + 1] = member end
  write('SADD', key, arguments)
end
return reached
