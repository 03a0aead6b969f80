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
  for (SegmentReader& segment : segments_) segment.refresh();
  for (const SegmentName& name : *names) {
    if (!segments_.empty() && name.number <= segments_.back().number()) continue;
    auto segment = SegmentReader::open(directory_, name);
    if (segment) {
      segments_.push_back(*std::move(segment));
    } else {
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

std::shared_ptr<const StoredBlock> TraceSearch::read(SegmentReader& segment, std::uint32_t block) {
  const auto is_it = [&](const Kept& kept) { return kept.segment == segment.number() && kept.block == block; };
  if (const auto kept = std::ranges::find_if(kept_, is_it); kept != kept_.end()) return kept->read;
  const auto bytes = [](const Kept& kept) { return kept.read == nullptr ? 0 : kept.read->memory_bytes(); };
  Kept fresh{.segment = segment.number(), .block = block, .read = segment.read(block)};
  kept_bytes_ += bytes(fresh);
  for (; !kept_.empty() && kept_bytes_ > kKeptBytesMax; kept_.pop_front()) kept_bytes_ -= bytes(kept_.front());
  return kept_.emplace_back(std::move(fresh)).read;
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

// All events of the message that this one is of.
TracedMessage TraceSearch::collect(const std::shared_ptr<const StoredBlock>& block, const StoredEvent& event) {
  const std::string_view id = event.text("id");
  TracedMessage message{.id = std::string(id), .events = {}};
  if (id.empty()) {
    message.events.push_back({.block = block, .event = &event});
    return message;
  }
  const KeyCondition condition{.kind = KeyKind::id, .value = message.id};
  const std::uint32_t hash = key_hash(KeyKind::id, id);
  for (SegmentReader& segment : segments_) {
    for (const std::uint32_t number : segment.find(hash)) {
      const auto stored = read(segment, number);
      if (stored == nullptr) continue;
      for (const StoredEvent& each : stored->events())
        if (meets(each, condition)) insert_in_time(message.events, {.block = stored, .event = &each});
    }
  }
  return message;
}

// The newest first.  False: the search ends.
bool TraceSearch::look_into(const std::shared_ptr<const StoredBlock>& block, const Found& found) {
  const auto& events = block->events();
  for (auto event = events.rbegin(); event != events.rend(); ++event) {
    if (!may_match(*event)) continue;
    const std::string_view id = event->text("id");
    if (!id.empty() && !seen_.insert(text_hash(id)).second) continue;
    const TracedMessage message = collect(block, *event);
    if (!matches(message)) continue;
    if (!found(message)) return false;
  }
  return true;
}

void TraceSearch::run(const Found& found) {
  const std::vector<std::vector<std::uint32_t>> blocks = plan();
  for (std::size_t i = segments_.size(); i-- > 0;) {
    for (auto block = blocks[i].rbegin(); block != blocks[i].rend(); ++block)
      if (const auto stored = read(segments_[i], *block); stored != nullptr && !look_into(stored, found)) return;
  }
}

std::expected<void, std::string> TraceSearch::follow(const Found& found) {
  if (auto refreshed = refresh(); !refreshed) return refreshed;
  leading_ = nullptr;
  for (SegmentReader& segment : segments_) {
    if (segment.number() < followed_segment_) continue;
    std::size_t next = segment.number() == followed_segment_ ? followed_blocks_ : 0;
    for (; next < segment.blocks().size(); ++next) {
      const auto stored = read(segment, static_cast<std::uint32_t>(next));
      // A message that was shown is shown again, as something has happened to it.
      seen_.clear();
      if (stored != nullptr && !look_into(stored, found)) return {};
    }
    followed_segment_ = segment.number();
    followed_blocks_ = segment.blocks().size();
  }
  return {};
}

}  // namespace sluice::trace
