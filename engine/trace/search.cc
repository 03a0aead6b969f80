#include "engine/trace/search.h"

#include <algorithm>
#include <array>
#include <utility>

namespace sluice::trace {
namespace {

constexpr std::size_t kKeptBytesMax = std::size_t{64} << 20;

// Behind those of the same moment; nearly always at the end.
void insert_in_time(std::vector<TracedEvent>& events, TracedEvent event) {
  const auto place =
      std::ranges::upper_bound(events, event.event->at, {}, [](const TracedEvent& each) { return each.event->at; });
  events.insert(place, std::move(event));
}

bool within(const Query& query, WallMillis at) { return at >= query.since && at <= query.until; }
bool overlaps(const Query& query, const BlockEntry& block) {
  return block.last_at >= query.since && block.first_at <= query.until;
}

}  // namespace

bool meets(const StoredEvent& event, const KeyCondition& condition) {
  if (condition.kind == KeyKind::verdict && same_key(event.type->verdict, condition.value)) return true;
  for (const std::uint8_t place : event.type->places[static_cast<std::size_t>(condition.kind)]) {
    const auto* const text = std::get_if<std::string_view>(&event.values[place]);
    if (text == nullptr || text->size() < condition.value.size()) continue;
    KeyValues values(event.type->roles[place], *text);
    while (const auto value = values.next())
      if (value->kind == condition.kind && same_key(value->text, condition.value)) return true;
  }
  return false;
}

bool has_words(const StoredEvent& event, std::string_view words) {
  return std::ranges::any_of(event.type->word_places, [&](std::uint8_t place) {
    const auto* const text = std::get_if<std::string_view>(&event.values[place]);
    return text != nullptr && contains_in_any_case(*text, words);
  });
}

std::expected<TraceSearch, std::string> TraceSearch::open(io::Disk& disk, const std::string& directory, Query query) {
  TraceSearch search(disk, directory, std::move(query));
  if (auto opened = search.refresh(); !opened) return std::unexpected(opened.error());
  if (!search.segments_.empty()) {
    search.followed_segment_ = search.segments_.back().number();
    search.followed_blocks_ = search.segments_.back().blocks().size();
  }
  return search;
}

std::expected<void, std::string> TraceSearch::refresh() {
  const auto names = list_segments(disk_, directory_);
  if (!names) return std::unexpected(names.error());
  // What was removed meanwhile would keep its place on the disk for as long as it is open.
  std::erase_if(segments_, [&names](const SegmentReader& segment) {
    return std::ranges::find(*names, segment.number(), &SegmentName::number) == names->end();
  });
  for (SegmentReader& segment : segments_) segment.refresh();
  for (const SegmentName& name : *names) {
    if (!segments_.empty() && name.number <= segments_.back().number()) continue;
    auto segment = SegmentReader::open(directory_, name);
    if (segment) {
      segments_.push_back(*std::move(segment));
    } else if (std::ranges::find(faults_, segment.error()) == faults_.end()) {
      // It may have been removed meanwhile.
      faults_.push_back(segment.error());
    }
  }
  return {};
}

std::vector<std::string> TraceSearch::faults() const {
  std::vector<std::string> all = faults_;
  for (const SegmentReader& segment : segments_)
    all.insert(all.end(), segment.faults().begin(), segment.faults().end());
  return all;
}

std::shared_ptr<const UnpackedBlock> TraceSearch::unpack(SegmentReader& segment, std::uint32_t block) {
  const auto is_it = [&](const Kept& kept) { return kept.segment == segment.number() && kept.block == block; };
  if (const auto kept = std::ranges::find_if(kept_, is_it); kept != kept_.end()) return kept->unpacked;
  const auto bytes = [](const Kept& kept) {
    return sizeof(Kept) + (kept.unpacked == nullptr ? 0 : kept.unpacked->raw.capacity());
  };
  Kept fresh{.segment = segment.number(), .block = block, .unpacked = segment.unpack(block)};
  ++work_.blocks_unpacked;
  kept_bytes_ += bytes(fresh);
  for (; !kept_.empty() && kept_bytes_ > kKeptBytesMax; kept_.pop_front()) kept_bytes_ -= bytes(kept_.front());
  return kept_.emplace_back(std::move(fresh)).unpacked;
}

// Null: it is damaged.
std::shared_ptr<const StoredBlock> TraceSearch::pick(SegmentReader& segment, std::uint32_t block, EventFilter wanted) {
  const auto unpacked = unpack(segment, block);
  if (unpacked == nullptr) return nullptr;
  ++work_.blocks_scanned;
  auto picked = StoredBlock::pick(unpacked, wanted);
  if (picked == nullptr) segment.note_damaged(block);
  return picked;
}

std::vector<std::uint32_t> TraceSearch::blocks_within(const SegmentReader& segment) const {
  std::vector<std::uint32_t> within_times;
  for (std::uint32_t i = 0; i < segment.blocks().size(); ++i)
    if (overlaps(query_, segment.blocks()[i])) within_times.push_back(i);
  return within_times;
}

// The blocks of each segment in which every message that is looked for has an event that may_match(): those of the
// condition that the fewest blocks of all segments have, as the events of a message may be far apart, or all that are
// within the query's times, whichever are fewer.
std::vector<std::vector<std::uint32_t>> TraceSearch::plan() {
  const auto count = [](const auto& blocks) {
    std::size_t sum = 0;
    for (const auto& each : blocks) sum += each.size();
    return sum;
  };
  std::vector<std::vector<std::uint32_t>> fewest;
  for (const SegmentReader& segment : segments_) fewest.push_back(blocks_within(segment));
  std::size_t fewest_count = count(fewest);
  leading_ = nullptr;
  const bool only_one = query_.keys.size() + (query_.words.empty() ? 0 : 1) == 1;
  for (const KeyCondition& condition : query_.keys) {
    std::vector<std::vector<std::uint32_t>> blocks;
    for (SegmentReader& segment : segments_) {
      blocks.push_back(segment.find(key_hash(condition.kind, condition.value)));
      // Of several conditions another one may be what was met within the times.
      if (only_one)
        std::erase_if(blocks.back(), [&](std::uint32_t block) { return !overlaps(query_, segment.blocks()[block]); });
    }
    if (const std::size_t sum = count(blocks); sum <= fewest_count) {
      fewest = std::move(blocks);
      fewest_count = sum;
      leading_ = &condition;
    }
  }
  return fewest;
}

bool TraceSearch::meets_any(const StoredEvent& event) const {
  if (query_.keys.empty() && query_.words.empty()) return true;
  if (!query_.words.empty() && has_words(event, query_.words)) return true;
  return std::ranges::any_of(query_.keys, [&](const KeyCondition& condition) { return meets(event, condition); });
}

bool TraceSearch::may_match(const StoredEvent& event) const {
  if (leading_ != nullptr) return meets(event, *leading_);
  return within(query_, event.at) && meets_any(event);
}

bool TraceSearch::matches(const TracedMessage& message) const {
  const auto any = [&message](auto meets_it) {
    return std::ranges::any_of(message.events, [&](const TracedEvent& each) { return meets_it(*each.event); });
  };
  const bool keys = std::ranges::all_of(query_.keys, [&](const KeyCondition& condition) {
    return any([&](const StoredEvent& event) { return meets(event, condition); });
  });
  if (!keys) return false;
  if (!query_.words.empty() && !any([&](const StoredEvent& event) { return has_words(event, query_.words); }))
    return false;
  return any([&](const StoredEvent& event) { return within(query_, event.at) && meets_any(event); });
}

// Those that have an event of any message of the turn, in rising order.
std::vector<std::uint32_t> TraceSearch::blocks_of_turn(SegmentReader& segment) const {
  std::vector<std::uint32_t> blocks;
  for (const auto& [hash, messages] : turn_ids_) {
    const std::vector<std::uint32_t> those = segment.find(hash);
    blocks.insert(blocks.end(), those.begin(), those.end());
  }
  std::ranges::sort(blocks);
  const auto same = std::ranges::unique(blocks);
  blocks.erase(same.begin(), same.end());
  return blocks;
}

// All events of the turn's messages that have an id.
void TraceSearch::collect() {
  // Calls `use` with each message that the event is of; whether there is any.
  const auto each_message = [this](const StoredEvent& event, auto use) {
    bool any = false;
    for (const std::uint8_t place : event.type->places[static_cast<std::size_t>(KeyKind::id)]) {
      const auto* const id = std::get_if<std::string_view>(&event.values[place]);
      if (id == nullptr) continue;
      const auto those = turn_ids_.find(key_hash(KeyKind::id, *id));
      if (those == turn_ids_.end()) continue;
      for (const std::size_t message : those->second) {
        if (!same_key(turn_[message].id, *id)) continue;
        any = true;
        use(turn_[message]);
      }
    }
    return any;
  };
  for (SegmentReader& segment : segments_) {
    for (const std::uint32_t block : blocks_of_turn(segment)) {
      const auto picked = pick(segment, block, [&](const StoredEvent& event) {
        return each_message(event, [](const TracedMessage& /*message*/) {});
      });
      if (picked == nullptr) continue;
      for (const StoredEvent& event : picked->events())
        each_message(
            event, [&](TracedMessage& message) { insert_in_time(message.events, {.block = picked, .event = &event}); });
    }
  }
}

// False: the search ends.
bool TraceSearch::end_turn(const Found& found) {
  if (!turn_ids_.empty()) collect();
  turn_ids_.clear();
  const std::vector<TracedMessage> messages = std::exchange(turn_, {});
  return std::ranges::all_of(messages,
                             [&](const TracedMessage& message) { return !matches(message) || found(message); });
}

// The newest first.  False: the search ends.
bool TraceSearch::look_into(SegmentReader& segment, std::uint32_t block, const Found& found) {
  const auto picked = pick(segment, block, [this](const StoredEvent& event) { return may_match(event); });
  if (picked == nullptr) return true;
  const auto& events = picked->events();
  for (auto event = events.rbegin(); event != events.rend(); ++event) {
    const std::string_view id = event->text("id");
    if (!id.empty()) {
      if (!seen_.insert(text_hash(id)).second) continue;
      turn_ids_[key_hash(KeyKind::id, id)].push_back(turn_.size());
      turn_.push_back({.id = std::string(id), .events = {}});
    } else {
      turn_.push_back({.id = {}, .events = {{.block = picked, .event = &*event}}});
    }
    if (turn_.size() == kTurnMessages && !end_turn(found)) return false;
  }
  return true;
}

void TraceSearch::run(const Found& found) {
  const std::vector<std::vector<std::uint32_t>> blocks = plan();
  for (std::size_t i = segments_.size(); i-- > 0;) {
    for (auto block = blocks[i].rbegin(); block != blocks[i].rend(); ++block)
      if (!look_into(segments_[i], *block, found)) return;
  }
  end_turn(found);
}

std::expected<void, std::string> TraceSearch::follow(const Found& found) {
  if (auto refreshed = refresh(); !refreshed) return refreshed;
  leading_ = nullptr;
  for (SegmentReader& segment : segments_) {
    if (segment.number() < followed_segment_) continue;
    std::size_t next = segment.number() == followed_segment_ ? followed_blocks_ : 0;
    for (; next < segment.blocks().size(); ++next) {
      // A message that was shown is shown again, as something has happened to it.
      seen_.clear();
      if (!look_into(segment, static_cast<std::uint32_t>(next), found) || !end_turn(found)) return {};
    }
    followed_segment_ = segment.number();
    followed_blocks_ = segment.blocks().size();
  }
  return {};
}

}  // namespace sluice::trace
