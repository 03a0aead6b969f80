// CSV (RFC 4180) with a header line.  A field in quotes may have commas, quotes written twice, and line ends in it.
#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "auth/store/dump_reader.h"
#include "auth/text.h"

namespace sluice::auth {
namespace {

enum Column : std::size_t { kName, kPassword, kHash, kCustomer, kStatus, kColumns };
constexpr std::array<std::string_view, kColumns> kColumnNames{"name", "password", "hash", "customer", "status"};

// Wiped when they go: passwords are among them.
struct Fields {
  std::vector<std::string> texts;
  Fields() = default;
  Fields(const Fields&) = delete;
  Fields& operator=(const Fields&) = delete;
  ~Fields() { clear(); }
  void clear() {
    for (std::string& text : texts) wipe_bytes(text.data(), text.size());
    texts.clear();
  }
};

class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  // Of the record that was read last.
  [[nodiscard]] std::size_t line() const { return line_; }

  // A record; false: it is not written as it should be, and reading goes on behind its first line.
  bool read(Fields& fields) {
    fields.clear();
    line_ = next_line_;
    record_ = rest_;
    bool more = true;
    while (more) {
      std::string& field = fields.texts.emplace_back();
      const bool well = rest_.starts_with('"') ? quoted(field) : plain(field);
      if (!well || record_.size() - rest_.size() > kDumpLineBytesMax) return skip();
      more = take(",");
    }
    return take("\r\n") || take("\n") || rest_.empty() || skip();
  }

 private:
  bool take(std::string_view what) {
    if (!rest_.starts_with(what)) return false;
    if (what.ends_with('\n')) ++next_line_;
    rest_.remove_prefix(what.size());
    return true;
  }
  bool plain(std::string& field) {
    field = rest_.substr(0, rest_.find_first_of(",\r\n\""));
    rest_.remove_prefix(field.size());
    return true;
  }
  bool quoted(std::string& field) {
    rest_.remove_prefix(1);
    while (!rest_.empty()) {
      const std::size_t end = rest_.substr(0, kDumpLineBytesMax).find('"');
      if (end == std::string_view::npos || field.size() > kDumpLineBytesMax) return false;
      const std::string_view part = rest_.substr(0, end);
      next_line_ += static_cast<std::size_t>(std::ranges::count(part, '\n'));
      field += part;
      rest_.remove_prefix(end + 1);
      if (!rest_.starts_with('"')) return true;
      field += '"';
      rest_.remove_prefix(1);
    }
    return false;
  }
  bool skip() {
    rest_ = record_;
    static_cast<void>(take_dump_line(rest_));
    next_line_ = line_ + 1;
    return false;
  }

  std::string_view rest_;
  std::string_view record_;  // the rest from the record on that was read last
  std::size_t line_ = 0;
  std::size_t next_line_ = 1;
};

// Which field of a record each column is; the error is a clause.
using Columns = std::array<std::optional<std::size_t>, kColumns>;
std::string read_columns(const Fields& header, Columns& columns) {
  for (std::size_t at = 0; at < header.texts.size(); ++at) {
    const auto known = std::ranges::find_if(
        kColumnNames, [&](std::string_view name) { return equal_ignoring_case(name, header.texts[at]); });
    if (known == kColumnNames.end())
      return "the header has a column that is none of name, password, hash, customer and status";
    std::optional<std::size_t>& column = columns[static_cast<std::size_t>(known - kColumnNames.begin())];
    if (column) return "the header has a column twice";
    column = at;
  }
  if (!columns[kName] || (!columns[kPassword] && !columns[kHash]))
    return "the header must have the columns name, and password or hash";
  return "";
}

std::optional<AccountStatus> status_of(std::string_view text) {
  if (text.empty()) return AccountStatus::active;
  for (const AccountStatus status : {AccountStatus::active, AccountStatus::held, AccountStatus::suspended})
    if (equal_ignoring_case(text, status_name(status))) return status;
  return std::nullopt;
}

void add_record(Dump& dump, std::size_t line, const Fields& fields, const Columns& columns) {
  const auto field = [&](Column column) {
    return columns[column] ? std::string_view(fields.texts[*columns[column]]) : std::string_view();
  };
  const auto status = status_of(field(kStatus));
  DumpedAccount account{.line = line, .name = std::string(field(kName)), .customer = std::string(field(kCustomer))};
  if (!status) {
    refuse(dump, line, account.name, "its status is none of active, held and suspended");
    return;
  }
  account.status = *status;
  if (field(kPassword).empty() == field(kHash).empty()) {
    refuse(dump, line, account.name,
           field(kHash).empty() ? "it has neither a password nor a hash" : "it has a password and a hash");
  } else if (field(kHash).empty()) {
    add_clear(dump, std::move(account), field(kPassword));
  } else {
    add_stored(dump, std::move(account), field(kHash));
  }
}

}  // namespace

void read_csv(Dump& dump, std::string_view text) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  Reader reader(text);
  Fields fields;
  Columns columns;
  const bool header = reader.read(fields);
  const std::string wrong = header ? read_columns(fields, columns) : "the header is no line of CSV";
  if (!wrong.empty()) {
    refuse(dump, 1, "", wrong);
    return;
  }
  const std::size_t width = fields.texts.size();
  while (!reader.at_end()) {
    if (!reader.read(fields)) {
      refuse(dump, reader.line(), "", "it is no record of CSV: a quote is out of place, or it is too long");
    } else if (fields.texts.size() == width) {
      add_record(dump, reader.line(), fields, columns);
    } else if (fields.texts.size() > 1 || !fields.texts.front().empty()) {
      refuse(dump, reader.line(), "", "it has not as many fields as the header");
    }
  }
}

}  // namespace sluice::auth
