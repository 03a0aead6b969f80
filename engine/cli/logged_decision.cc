#include "engine/cli/logged_decision.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/cli/listing.h"
#include "engine/event/rows.h"
#include "policy/replay/event_reader.h"

namespace sluice::cli {
namespace {

constexpr std::string_view kUnknownCharacter = "\xEF\xBF\xBD";

// One character as UTF-8, of those that have four digits; a half of a pair is none.
void append_character(std::string& text, std::uint32_t code) {
  constexpr std::uint32_t kSixBits = 0x3F;
  const auto add = [&text](std::uint32_t byte) { text += static_cast<char>(byte); };
  if (code < 0x80) return add(code);
  if (code >= 0xD800 && code < 0xE000) return static_cast<void>(text.append(kUnknownCharacter));
  if (code < 0x800) {
    add(0xC0U | code >> 6U);
  } else {
    add(0xE0U | code >> 12U);
    add(0x80U | (code >> 6U & kSixBits));
  }
  add(0x80U | (code & kSixBits));
}

// Takes what stands behind a backslash.
bool take_escape(std::string_view& rest, std::string& text) {
  constexpr std::string_view kLetters = "\"\\/bfnrt";
  constexpr std::string_view kMeant = "\"\\/\b\f\n\r\t";
  constexpr std::size_t kDigits = 4;
  if (rest.empty()) return false;
  if (const std::size_t letter = kLetters.find(rest.front()); letter != std::string_view::npos) {
    text += kMeant[letter];
    rest.remove_prefix(1);
    return true;
  }
  if (rest.front() != 'u' || rest.size() <= kDigits) return false;
  std::uint32_t code = 0;
  const char* const last = rest.data() + 1 + kDigits;
  const auto [end, error] = std::from_chars(rest.data() + 1, last, code, 16);
  if (error != std::errc() || end != last) return false;
  append_character(text, code);
  rest.remove_prefix(1 + kDigits);
  return true;
}

// "...", with what is escaped in it.
bool take_quoted(std::string_view& rest, std::string& text) {
  if (!rest.starts_with('"')) return false;
  rest.remove_prefix(1);
  text.clear();
  while (!rest.empty() && rest.front() != '"') {
    const char next = rest.front();
    rest.remove_prefix(1);
    if (next != '\\') {
      text += next;
    } else if (!take_escape(rest, text)) {
      return false;
    }
  }
  if (rest.empty()) return false;
  rest.remove_prefix(1);
  return true;
}

// What ends at one of these, or at the end.
std::string_view take_bare(std::string_view& rest, std::string_view ends) {
  const std::string_view bare = rest.substr(0, rest.find_first_of(ends));
  rest.remove_prefix(bare.size());
  return bare;
}

// The fields of a line, one by one: {"key":"value","key":1}, or key=value key="value".
class LineFields {
 public:
  explicit LineFields(std::string_view line) : rest_(line), json_(line.starts_with('{')) {}

  // False: there are no more, or what follows is none.
  bool next() {
    if (at_end()) return false;
    whole_ = take_key() && take_field_value();
    return whole_;
  }
  // Nothing was wrong, and nothing is left.
  [[nodiscard]] bool at_end() const { return whole_ && (json_ ? rest_ == "}" : rest_.empty()); }
  [[nodiscard]] const std::string& key() const { return key_; }
  std::string& value() { return value_; }

 private:
  bool take_key() {
    if (json_) {
      if (!rest_.starts_with('{') && !rest_.starts_with(',')) return false;
      rest_.remove_prefix(1);
      if (!take_quoted(rest_, key_) || !rest_.starts_with(':')) return false;
    } else {
      while (rest_.starts_with(' ')) rest_.remove_prefix(1);
      key_ = take_bare(rest_, "= ");
      if (key_.empty() || !rest_.starts_with('=')) return false;
    }
    rest_.remove_prefix(1);
    return true;
  }
  bool take_field_value() {
    if (rest_.starts_with('"')) return take_quoted(rest_, value_);
    value_ = take_bare(rest_, json_ ? ",}" : " ");
    return true;
  }

  std::string_view rest_;
  bool json_;
  bool whole_ = true;
  std::string key_;
  std::string value_;
};

std::optional<WallMillis> logged_moment(const std::string& text) {
  absl::Time time;
  std::string unused;
  if (!absl::ParseTime(absl::RFC3339_full, text, &time, &unused)) return std::nullopt;
  const std::int64_t millis = absl::ToUnixMillis(time);
  constexpr std::int64_t kLast = 4'102'444'800'000;  // 2100
  return millis >= 0 && millis < kLast ? std::optional(millis) : std::nullopt;
}

// As a relay that runs shows it: milliseconds are whole.
std::string shown_value(const event::Key& key, std::string value) {
  if (key.type == "duration") value.resize(std::min(value.size(), value.find('.')));
  return value;
}

// All but the last bytes of a file are passed over.  Whether all of it is looked at.
bool go_to_last_bytes(std::istream& lines) {
  lines.seekg(0, std::ios::end);
  const std::streamoff size = lines.tellg();
  lines.clear();
  if (size < 0) return true;  // a pipe
  const auto most = static_cast<std::streamoff>(kDecisionLogBytesMax);
  lines.seekg(std::max<std::streamoff>(0, size - most));
  if (size > most) lines.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  return size <= most;
}

}  // namespace

std::optional<control::DecidedEvent> read_logged_decision(std::string_view line) {
  LineFields fields(line);
  std::optional<WallMillis> at;
  const event::Row* row = nullptr;
  control::DecidedEvent found;
  while (fields.next()) {
    if (row == nullptr) {  // of what stands in front of an event's own keys
      if (fields.key() == "time") at = logged_moment(fields.value());
      if (fields.key() != "event") continue;
      const auto known = std::ranges::find(event::rows(), std::string_view(fields.value()), &event::Row::name);
      if (known == event::rows().end()) return std::nullopt;
      row = &*known;
      continue;
    }
    const event::Key* const key = event::find_key(*row, fields.key());
    if (key == nullptr || fields.value().empty() || !found.value(key->name).empty()) continue;
    if (key->name == "id") {
      found.id = std::move(fields.value());
    } else {
      found.values.emplace_back(key->name, shown_value(*key, std::move(fields.value())));
    }
  }
  if (!fields.at_end() || row == nullptr || !at || found.id.empty()) return std::nullopt;
  if (!control::decides(row->name, found.value("verdict"))) return std::nullopt;
  found.at = *at;
  found.event = row->name;
  return found;
}

std::vector<control::DecidedEvent> read_answered_decisions(std::string_view answer) {
  std::vector<control::DecidedEvent> decisions;
  while (answer.ends_with('\n')) answer.remove_suffix(1);
  const auto whole = ViewRow::read(std::string(R"({"decisions":)").append(answer).append("}"));
  if (whole == nullptr) return decisions;
  for (const ViewRow& each : whole->children("decisions")) {
    const auto row = std::ranges::find(event::rows(), each.text("event"), &event::Row::name);
    const auto at = logged_moment(each.text("at"));
    if (row == event::rows().end() || !at) return {};
    control::DecidedEvent& decision = decisions.emplace_back();
    decision.at = *at;
    decision.event = row->name;
    decision.id = each.text("id");
    for (const event::Key& key : row->keys)
      if (std::string value = each.text(key.name); !value.empty() && key.name != "id")
        decision.values.emplace_back(key.name, std::move(value));
  }
  return decisions;
}

void find_logged_decisions(LogFile file, std::string_view id, LoggedDecisions& found) {
  std::istream& lines = file.lines;
  found.whole = go_to_last_bytes(lines) && found.whole;
  std::string buffer(policy::kRecordedLineBytesMax + 1, '\0');
  for (std::uint64_t read = 0; read < kDecisionLogBytesMax; read += static_cast<std::uint64_t>(lines.gcount())) {
    lines.getline(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    if (lines.gcount() == 0 && lines.eof()) return;
    if (lines.bad()) break;
    if (lines.fail() && !lines.eof()) {  // too long: no line of ours
      lines.clear();
      lines.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
      continue;
    }
    const std::string_view line = std::string_view(buffer).substr(0, buffer.find('\0'));
    if (!line.contains(id)) continue;
    auto event = read_logged_decision(line);
    if (!event || event->id != id) continue;
    found.more = found.events.size() == kLoggedDecisionsMax;
    if (found.more) return;
    found.events.push_back(*std::move(event));
  }
  found.whole = false;
}

}  // namespace sluice::cli
