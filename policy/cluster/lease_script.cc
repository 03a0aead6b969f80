#include "policy/cluster/lease_script.h"

namespace sluice::policy {
namespace {

// KEYS: the group's state; the meter (absent: the call only says that the node is alive).  Both have the group's hash
// tag.  ARGV: as lease_words() writes them.
//
// State of a group: e: its epoch, a new one whenever data was lost; g: when leases may be given in it; t, o: the latest
// time seen, and what is added to the clock so that time never goes back; of each node n: when it was last heard, i:
// its incarnation, b: when that began, d: the one before, v: its latest call. A meter: wS:B: spent in bucket B of span
// S; of each node h: held, s: spent in all by this incarnation (so that a call that is repeated counts once), i: the
// incarnation, q: its latest call; r: the latest recall.
//
// What a node held in an earlier incarnation was spent when the new one began; what a node holds that was not heard for
// longer than the longest window can be in no window any more.
constexpr std::string_view kBody = R"lua(
local node, inc, epoch, nonce = args[1], args[2], args[3], args[4]
local seq, acked, grace = tonumber(args[5]), tonumber(args[6]), tonumber(args[7])
local function str(n) return string.format('%.0f', n) end
local function writer(key, fields)
  local w = {changed = {}, dropped = {}}
  function w.put(field, value) fields[field] = value; w.changed[field] = true; w.dropped[field] = nil end
  function w.drop(field) fields[field] = nil; w.dropped[field] = true; w.changed[field] = nil end
  function w.write()
    local set, del = {}, {}
    for field in pairs(w.changed) do set[#set + 1] = field; set[#set + 1] = fields[field] end
    for field in pairs(w.dropped) do del[#del + 1] = field end
    if #set > 0 then redis.call('HSET', key, unpack(set)) end
    if #del > 0 then redis.call('HDEL', key, unpack(del)) end
  end
  return w
end

local s = load(keys[1])
local time, offset = clock(), num(s.o)
if time + offset < num(s.t) then offset = num(s.t) - time end
local now = time + offset
if s['d:' .. node] == inc then return {3, s.e or '', 0, 0, 0, 0, 0, 0, 0, 0} end
local sw = writer(keys[1], s)
sw.put('t', str(now))
sw.put('o', str(offset))
if s['i:' .. node] ~= inc then
  if s['i:' .. node] then sw.put('d:' .. node, s['i:' .. node]) end
  sw.put('i:' .. node, inc)
  sw.put('b:' .. node, str(now))
  sw.put('v:' .. node, '0')
end
sw.put('n:' .. node, str(now))
local m = keys[2] and load(keys[2]) or {}
local known = epoch == s.e
local same = m['i:' .. node] == inc
-- The node has had answers to calls that this Redis does not know: it has lost some of its data.
local lost = not s.e or (known and num(s['v:' .. node]) < acked)
if known and keys[2] and num(args[8]) > 0 and (not same or num(m['q:' .. node]) < num(args[8])) then lost = true end
if lost then
  sw.put('e', nonce)
  sw.put('g', str(now + grace))
end
if seq > num(s['v:' .. node]) then sw.put('v:' .. node, str(seq)) end
local wait = math.max(0, num(s.g) - now)
if epoch ~= s.e or not keys[2] then
  sw.write()
  return {epoch == s.e and 0 or 1, s.e, 0, 0, 0, 0, 0, 0, wait, 0}
end
if same and seq <= num(m['q:' .. node]) then
  sw.write()
  return {3, s.e, 0, 0, 0, 0, 0, 0, wait, 0}
end

local spent, held, wanted, least = tonumber(args[9]), tonumber(args[10]), tonumber(args[11]), tonumber(args[12])
local mw = writer(keys[2], m)
local function add(span, bucket, amount)
  local field = 'w' .. span .. ':' .. str(bucket)
  mw.put(field, str(num(m[field]) + amount))
end
local function spend(at, amount)
  if amount <= 0 then return end
  for span = 1, 4 do add(span, math.floor(at / size[span]), amount) end
end

local limits, at = {}, 14
for _ = 1, tonumber(args[13]) do
  limits[#limits + 1] = {span = tonumber(args[at]), amount = tonumber(args[at + 1])}
  at = at + 2
end
-- What this node has spent and holds; less spent than before: it had forgotten the meter, which was not used for long.
local before, lapsed = 0, 0
if same then
  before = num(m['s:' .. node])
  if before > spent then before = 0 end
elseif m['i:' .. node] then
  lapsed = num(m['h:' .. node])
  spend(num(s['b:' .. node]), lapsed)
elseif tonumber(args[at]) > 0 then
  for i = at + 1, at + 3 * tonumber(args[at]), 3 do
    local span = tonumber(args[i])
    add(span, math.floor(now / size[span]) - tonumber(args[i + 1]), tonumber(args[i + 2]))
  end
  before = spent
end
spend(now, spent - before)
mw.put('i:' .. node, inc)
mw.put('q:' .. node, str(seq))
mw.put('s:' .. node, str(spent))

-- What the others hold.
local longest = 0
for _, limit in ipairs(limits) do longest = math.max(longest, 61 * size[limit.span]) end
if longest == 0 then longest = 61 * size[4] end
local others, holders = 0, {}
for field in pairs(m) do
  if field:sub(1, 2) == 'h:' then holders[#holders + 1] = field:sub(3) end
end
for _, x in ipairs(holders) do
  if x ~= node then
    local amount, heard = num(m['h:' .. x]), s['n:' .. x]
    if not heard then
      sw.put('n:' .. x, str(now))
      others = others + amount
    elseif s['i:' .. x] and s['i:' .. x] ~= m['i:' .. x] then
      spend(num(s['b:' .. x]), amount)
      lapsed = lapsed + amount
      mw.put('h:' .. x, '0')
    elseif now - num(heard) > longest then
      mw.put('h:' .. x, '0')
    else
      others = others + amount
    end
  end
end

-- The windows.
local sums, buckets = {0, 0, 0, 0}, {{}, {}, {}, {}}
local old = {}
for field, value in pairs(m) do
  if field:sub(1, 1) == 'w' then
    local span, bucket = tonumber(field:sub(2, 2)), tonumber(field:sub(4))
    if bucket < math.floor(now / size[span]) - 60 then
      old[#old + 1] = field
    else
      sums[span] = sums[span] + tonumber(value)
      buckets[span][#buckets[span] + 1] = {bucket, tonumber(value)}
    end
  end
end
for _, field in ipairs(old) do mw.drop(field) end

local room, full = 9e15, {0, 0, 0, 0}
local taken = held + others
for _, limit in ipairs(limits) do
  local used = sums[limit.span] + taken
  room = math.min(room, math.max(0, limit.amount - used))
  if used + least > limit.amount and wanted > 0 then
    local free = -1
    if least <= limit.amount then
      local most, left = limit.amount - least - taken, sums[limit.span]
      free = 60 * size[limit.span]
      if most >= 0 then
        table.sort(buckets[limit.span], function(a, b) return a[1] < b[1] end)
        for _, b in ipairs(buckets[limit.span]) do
          if left <= most then break end
          left = left - b[2]
          free = (b[1] + 61) * size[limit.span] - now
        end
      end
    end
    if full[1] == 0 or free == -1 or (full[4] ~= -1 and free > full[4]) then
      full = {limit.span, limit.amount, used, free}
    end
  end
end
local granted = 0
if wait == 0 and wanted > 0 then
  -- Near the limit a small part of what is left, so that no node holds what another one needs.
  local alive = 0
  for field, value in pairs(s) do
    if field:sub(1, 2) == 'n:' and now - num(value) < 60000 then alive = alive + 1 end
  end
  granted = math.min(wanted, room, math.max(least, math.floor(room / (2 * math.max(1, alive)))))
  if room < least and others > 0 and now - num(m.r) >= 20 then
    mw.put('r', str(now))
    redis.call('PUBLISH', args[#args - 1], args[#args])
  end
end
mw.put('h:' .. node, str(held + granted))
sw.write()
mw.write()
redis.call('PEXPIRE', keys[2], 2764800000)
return {0, s.e, granted, others, full[1], full[2], full[3], full[4], wait, lapsed}
)lua";

}  // namespace

const RedisFunction& lease_function() {
  static const RedisFunction function{.name = kLeaseFunction, .body = kBody};
  return function;
}

}  // namespace sluice::policy
