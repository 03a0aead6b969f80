#include "engine/cli/listing.h"

#include <algorithm>
#include <limits>
#include <map>
#include <ostream>
#include <ranges>
#include <set>
#include <tuple>
#include <utility>

#include "absl/time/time.h"
#include "engine/text/escape.h"

namespace sluice::cli {
namespace {

constexpr std::size_t kRowsForWidths = 256;  // of a long table, columns are as wide as the first so many rows need

// As JSON has it, in milliseconds.
bool is_moment(ViewForm form) { return form == ViewForm::moment || form == ViewForm::age || form == ViewForm::wait; }
// Most first; names and moments from the first on.
bool goes_up(ViewForm form) { return form != ViewForm::count; }

// What cannot be read is no moment.
WallMillis moment_of(const ViewRow& row, std::string_view key, ViewForm form) {
  if (form != ViewForm::stamp) return static_cast<WallMillis>(row.number(key));
  absl::Time time;
  return absl::ParseTime(absl::RFC3339_full, row.text(key), &time, nullptr) ? absl::ToUnixMillis(time) : 0;
}

std::string moment_in(WallMillis wall, ViewForm form, const ViewOptions& options, WallMillis now) {
  if (form == ViewForm::moment || form == ViewForm::stamp || options.time)
    return moment_text(wall, options.time.value_or(TimeForm::local));
  if (wall == 0) return "-";
  if (form == ViewForm::age) return span_text(now - wall);
  return wall <= now ? "now" : "in " + span_text(wall - now);
}

}  // namespace

// ------------------------------------------------------------------------------------------ what is printed

// A table whose rows come one by one, or the rows as JSON.
class Listing::Printer {
 public:
  Printer(std::vector<std::string_view> titles, const ViewOptions& options, std::string_view if_none, std::ostream& out)
      : titles_(std::move(titles)), options_(options), if_none_(if_none), out_(out) {
    for (const std::string_view title : titles_) widths_.push_back(title.size());
  }

  void row(std::vector<text::Cell> cells) {
    waiting_.push_back(std::move(cells));
    if (waiting_.size() >= kRowsForWidths) print_waiting();
  }
  void json(std::string_view row) {
    out_ << (any_ ? ",\n " : "[\n ") << row;
    any_ = true;
  }
  void finish() {
    if (options_.json) {
      out_ << (any_ ? "" : "[") << "\n]\n";
    } else if (!any_ && waiting_.empty() && !if_none_.empty()) {
      out_ << if_none_ << "\n";
    } else {
      print_waiting();
      if (!any_) line(std::vector<text::Cell>(titles_.begin(), titles_.end()));
    }
  }

 private:
  void print_waiting() {
    for (const auto& row : waiting_)
      for (std::size_t i = 0; i < row.size(); ++i)
        widths_[i] = std::max(widths_[i], text::characters_in(text::printable(row[i].text)));
    if (!any_ && !waiting_.empty()) line(std::vector<text::Cell>(titles_.begin(), titles_.end()));
    any_ = any_ || !waiting_.empty();
    for (const auto& row : waiting_) line(row);
    waiting_.clear();
  }
  void line(const std::vector<text::Cell>& cells) {
    std::string line;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const std::string shown = text::printable(cells[i].text);
      line += shown;
      if (i + 1 < cells.size()) line.append(widths_[i] - text::characters_in(shown) + 2, ' ');
    }
    out_ << line << "\n";
  }

  const std::vector<std::string_view> titles_;
  const ViewOptions& options_;
  const std::string_view if_none_;
  std::ostream& out_;
  std::vector<std::size_t> widths_;
  std::vector<std::vector<text::Cell>> waiting_;
  bool any_ = false;
};

// ------------------------------------------------------------------------------------------ rows put together

class Listing::Groups {
 public:
  Groups(std::vector<ViewGroup> by, std::span<const ViewTotal> totals) : by_(std::move(by)) {
    for (const ViewTotal& total : totals)
      if (std::ranges::find(by_, total.key, &ViewGroup::key) == by_.end()) totals_.push_back(total);
  }

  void add(const ViewRow& row) {
    std::vector<std::string> key;
    for (const ViewGroup& group : by_) key.push_back(row.of(group.key, group.form));
    // One that has a list counts for each in it, once.
    if (by_.size() == 1 && by_.front().form == ViewForm::text) {
      const std::vector<std::string> each = row.list(by_.front().key);
      for (const std::string& one : std::set(each.begin(), each.end())) count(row, {one});
    } else {
      count(row, std::move(key));
    }
  }

  [[nodiscard]] std::vector<std::string_view> titles() const {
    std::vector<std::string_view> titles;
    for (const ViewGroup& group : by_) titles.push_back(group.word);
    for (const ViewTotal& total : totals_) titles.push_back(total.title);
    return titles;
  }

  struct Sum {
    std::uint64_t number = 0;
    std::set<std::string> words;
    std::string any;
  };
  struct Group {
    std::vector<std::string> key;
    std::size_t at = 0;  // so many were met before
    std::vector<Sum> sums;
  };
  // In the order of what is under `title`; of an empty one as they were met.
  [[nodiscard]] std::vector<Group> sorted(std::string_view title, bool reversed) const {
    std::vector<Group> all = groups_;
    const auto all_titles = titles();
    const auto found = std::ranges::find(all_titles, title);
    if (found == all_titles.end()) return all;
    const auto at = static_cast<std::size_t>(found - all_titles.begin());
    const auto less = [&](const Group& a, const Group& b) {
      if (at < by_.size()) return a.key[at] < b.key[at];
      const std::size_t total = at - by_.size();
      if (is_words(totals_[total])) return text_of(a, total) < text_of(b, total);
      const std::uint64_t x = a.sums[total].number;
      const std::uint64_t y = b.sums[total].number;
      return goes_up(totals_[total].form) ? x < y : x > y;
    };
    std::ranges::sort(all, [&](const Group& a, const Group& b) {
      if (less(a, b)) return !reversed;
      return less(b, a) ? reversed : a.at < b.at;
    });
    return all;
  }
  [[nodiscard]] std::string_view first_total() const { return totals_.empty() ? "" : totals_.front().title; }

  [[nodiscard]] std::vector<text::Cell> cells(const Group& group, const ViewOptions& options, WallMillis now) const {
    std::vector<text::Cell> cells(group.key.begin(), group.key.end());
    for (std::size_t i = 0; i < totals_.size(); ++i) {
      if (is_moment(totals_[i].form) && !options.json) {
        cells.emplace_back(moment_in(static_cast<WallMillis>(group.sums[i].number), totals_[i].form, options, now));
      } else if (is_words(totals_[i])) {
        cells.emplace_back(text_of(group, i));
      } else {
        cells.emplace_back(group.sums[i].number);
      }
    }
    return cells;
  }
  // Moments carry their unit, as all of the relay's JSON.
  [[nodiscard]] std::string json(const Group& group, const ViewOptions& options) const {
    std::vector<std::string> names;
    for (const std::string_view title : titles()) names.emplace_back(title);
    for (std::size_t i = 0; i < totals_.size(); ++i)
      if (is_moment(totals_[i].form)) names[by_.size() + i] += "_ms";
    const std::vector<std::string_view> views(names.begin(), names.end());
    return text::json_object(views, cells(group, options, 0));
  }

 private:
  static bool is_words(const ViewTotal& total) {
    return total.of == ViewTotal::Of::words || total.of == ViewTotal::Of::any;
  }
  [[nodiscard]] std::string text_of(const Group& group, std::size_t total) const {
    const Sum& sum = group.sums[total];
    if (totals_[total].of == ViewTotal::Of::any) return sum.any;
    std::string text;
    for (const std::string& word : sum.words) text.append(text.empty() ? "" : ", ").append(word);
    return text;
  }

  void count(const ViewRow& row, std::vector<std::string> key) {
    const auto [found, is_new] = places_.emplace(key, groups_.size());
    if (is_new)
      groups_.push_back({.key = std::move(key), .at = groups_.size(), .sums = std::vector<Sum>(totals_.size())});
    for (std::size_t i = 0; i < totals_.size(); ++i) take(row, totals_[i], groups_[found->second].sums[i]);
  }
  static void take(const ViewRow& row, const ViewTotal& total, Sum& sum) {
    const auto number = static_cast<std::uint64_t>(std::max(row.number(total.key), 0.0));
    switch (total.of) {
      case ViewTotal::Of::rows:
        ++sum.number;
        break;
      case ViewTotal::Of::sum:
        sum.number += number;
        break;
      case ViewTotal::Of::most:
        sum.number = std::max(sum.number, number);
        break;
      case ViewTotal::Of::first:
        if (number != 0 && (sum.number == 0 || number < sum.number)) sum.number = number;
        break;
      case ViewTotal::Of::size:
        sum.number += row.list(total.key).size();
        break;
      case ViewTotal::Of::words:
        sum.words.insert(row.text(total.key));
        break;
      case ViewTotal::Of::any:
        if (sum.any.empty()) sum.any = row.of(total.key, total.form);
        break;
    }
  }

  const std::vector<ViewGroup> by_;
  std::vector<ViewTotal> totals_;
  std::vector<Group> groups_;  // as they were met
  std::map<std::vector<std::string>, std::size_t> places_;
};

// ------------------------------------------------------------------------------------------ the rows

// What is needed of a row until it is printed.
struct Listing::Kept {
  bool none = false;  // it has nothing to be sorted by: last
  double number = 0;
  std::string text;
  std::size_t at = 0;  // so many came before
  std::string line;
};

Listing::Listing(const View& view, const ViewOptions& options, WallMillis now, std::ostream& out)
    : view_(view), options_(options), now_(now), most_(options.top.value_or(std::numeric_limits<std::size_t>::max())) {
  const bool summed = view.per_core && !options.cores && !options.json && options.by.empty();
  std::vector<std::string_view> titles;
  if (!options.by.empty() || summed) {
    std::vector<ViewGroup> by(view.sum_by.begin(), view.sum_by.end());
    if (!summed) by = {*std::ranges::find(view.groups, options.by, &ViewGroup::word)};
    groups_ = std::make_unique<Groups>(std::move(by), view.totals);
    titles = groups_->titles();
  } else {
    for (const ViewColumn& column : view.columns) titles.push_back(column.title);
    const std::string_view title = options.sort.empty() ? view.order : std::string_view(options_.sort);
    const auto column = std::ranges::find(view.columns, title, &ViewColumn::title);
    if (column != view.columns.end()) {
      sort_ = &*column;
      ascending_ = goes_up(column->form) != options.reversed;
    }
    in_order_ = sort_ != nullptr && (!options.sort.empty() || options.top);
  }
  if (options.cores && !options.json && !view.total_row.empty())
    totals_ = std::make_unique<Groups>(std::vector<ViewGroup>(), view.totals);
  printer_ = std::make_unique<Printer>(std::move(titles), options_, view.if_none, out);
}

Listing::~Listing() = default;

void Listing::add(std::string_view line) {
  const auto row = ViewRow::read(line);
  if (row == nullptr) return;
  ++added_;
  if (groups_ != nullptr) return groups_->add(*row);
  if (totals_ != nullptr) totals_->add(*row);
  const bool passes = sort_ == nullptr || (!in_order_ && added_ > kSortedRowsMax);
  if (passes && totals_ == nullptr) {
    // So many that their order is the relay's: those that have waited go first.
    if (!kept_.empty()) print_kept();
    if (printed_ < most_) print(*row);
    return;
  }
  keep(*row);
}

bool Listing::before(const Kept& a, const Kept& b) const {
  if (a.none != b.none) return b.none;
  const auto rank = [](const Kept& kept) { return std::tie(kept.number, kept.text); };
  if (rank(a) != rank(b)) return ascending_ ? rank(a) < rank(b) : rank(b) < rank(a);
  return a.at < b.at;
}

// Of those that are wanted alone no more than twice as many are kept.
void Listing::keep(const ViewRow& row) {
  Kept kept{.at = added_, .line = row.line()};
  if (sort_ == nullptr) {
    // Totals come first: it waits for these alone.
  } else if (row.is_number(sort_->key)) {
    kept.number = row.number(sort_->key);
    kept.none = is_moment(sort_->form) && kept.number < 1;
  } else {
    kept.text = row.of(sort_->key, sort_->form);
    kept.none = kept.text.empty();
  }
  kept_.push_back(std::move(kept));
  if (options_.top && kept_.size() >= 2 * most_) {
    const auto end = kept_.begin() + static_cast<std::ptrdiff_t>(most_);
    std::ranges::nth_element(kept_, end, [this](const Kept& a, const Kept& b) { return before(a, b); });
    kept_.erase(end, kept_.end());
  }
}

void Listing::print_kept() {
  if (in_order_ || added_ <= kSortedRowsMax)
    std::ranges::sort(kept_, [this](const Kept& a, const Kept& b) { return before(a, b); });
  for (const Kept& kept : kept_)
    if (printed_ < most_) print(*ViewRow::read(kept.line));
  kept_.clear();
}

void Listing::print(const ViewRow& row) {
  ++printed_;
  if (options_.json) return printer_->json(row.line());
  std::vector<text::Cell> cells;
  for (const ViewColumn& column : view_.columns) {
    const bool moment = is_moment(column.form) || column.form == ViewForm::stamp;
    cells.emplace_back(moment ? moment_in(moment_of(row, column.key, column.form), column.form, options_, now_)
                              : row.of(column.key, column.form));
  }
  printer_->row(std::move(cells));
}

void Listing::print_groups() {
  const std::string_view usual = options_.by.empty() ? view_.order : groups_->first_total();
  const std::string_view title = options_.sort.empty() ? usual : std::string_view(options_.sort);
  for (const Groups::Group& group : groups_->sorted(title, options_.reversed)) {
    if (printed_++ >= most_) break;
    if (options_.json) {
      printer_->json(groups_->json(group, options_));
    } else {
      printer_->row(groups_->cells(group, options_, now_));
    }
  }
}

// Under the columns of the rows that follow: the view's totals are in their order.
void Listing::print_totals() {
  for (const Groups::Group& group : totals_->sorted("", false)) {
    std::vector<text::Cell> cells = totals_->cells(group, options_, now_);
    cells.insert(cells.begin(), text::Cell(view_.total_row));
    printer_->row(std::move(cells));
  }
}

void Listing::finish() {
  if (groups_ != nullptr) {
    print_groups();
  } else {
    if (totals_ != nullptr) print_totals();
    print_kept();
  }
  printer_->finish();
}

}  // namespace sluice::cli
