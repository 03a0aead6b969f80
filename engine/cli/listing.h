// What a command that lists prints: rows of the relay's answer, sorted, cut, put together or as they come, as a table
// or as JSON.  Rows that need no order are printed as they come, so that a list may be longer than memory. Owned by one
// command; one thread.
#pragma once

#include <jansson.h>

#include <cstddef>
#include <iosfwd>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "auth/oauth/json.h"
#include "engine/base/time.h"
#include "engine/cli/view_options.h"
#include "engine/text/table_text.h"

namespace sluice::cli {

// A row of an answer, read: the text of a value that is none is empty, its number 0.
class ViewRow {
 public:
  // Null: the line is no row.  As the relay's answers have them, each on a line of its own: " {...}," or "{...}".
  [[nodiscard]] static std::unique_ptr<ViewRow> read(std::string_view line);

  [[nodiscard]] const std::string& line() const { return line_; }  // without what parts it from the next
  [[nodiscard]] std::string text(std::string_view key) const;
  [[nodiscard]] double number(std::string_view key) const;
  [[nodiscard]] bool is_number(std::string_view key) const;
  [[nodiscard]] std::vector<std::string> list(std::string_view key) const;  // of one text: that
  // The objects of a list; the texts of an object.
  [[nodiscard]] std::vector<ViewRow> children(std::string_view key) const;
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> fields(std::string_view key) const;
  [[nodiscard]] std::string of(std::string_view key, ViewForm form) const;  // as text, where `form` needs no clock

 private:
  ViewRow(auth::JsonRef json, std::string line) : json_(std::move(json)), line_(std::move(line)) {}
  auth::JsonRef json_;
  std::string line_;
};

// So many rows are sorted without --sort; beyond, they come as the relay has them.
inline constexpr std::size_t kSortedRowsMax = 10'000;

class Listing {
 public:
  // `now`: ages are counted from it.  The view and the stream outlive this.
  Listing(const View& view, const ViewOptions& options, WallMillis now, std::ostream& out);
  ~Listing();
  Listing(const Listing&) = delete;
  Listing& operator=(const Listing&) = delete;

  // A line of the answer; one that is no row is passed over.
  void add(std::string_view line);
  // There are no more.
  void finish();

 private:
  class Groups;
  class Printer;
  struct Kept;

  void keep(const ViewRow& row);
  void print_kept();
  void print_groups();
  void print_totals();
  void print(const ViewRow& row);
  [[nodiscard]] bool before(const Kept& a, const Kept& b) const;

  const View& view_;
  const ViewOptions options_;
  const WallMillis now_;
  const ViewColumn* sort_ = nullptr;  // null: rows stay in the relay's order
  bool ascending_ = false;
  bool in_order_ = false;   // all must be known before the first is printed
  const std::size_t most_;  // rows that are wanted
  std::size_t added_ = 0;
  std::size_t printed_ = 0;
  std::vector<Kept> kept_;
  std::unique_ptr<Groups> groups_;  // null: rows stay what they are
  std::unique_ptr<Groups> totals_;  // null: no row of them stands in front
  std::unique_ptr<Printer> printer_;
};

}  // namespace sluice::cli
