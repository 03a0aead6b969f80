#include "engine/cli/usage_listing.h"

#include <array>
#include <ostream>
#include <sstream>
#include <utility>

#include "engine/cli/views.h"

namespace sluice::cli {
namespace {

struct UsageTable {
  std::string_view begins;  // what the line in front of its rows has
  const View* view;
  bool if_empty;  // it is shown without rows, too
};
constexpr std::array kUsageTables = std::to_array<UsageTable>({{"\"windows\": [", &kUsageWindowsView, true},
                                                               {"\"senders\": [", &kUsageSendersView, false},
                                                               {"\"decisions\": [", &kUsageDecisionsView, false}});

}  // namespace

const View* read_usage_options(std::span<const text::Option> given, ViewOptions& options, std::string& fault) {
  const ViewOptions before = options;
  std::string faults;
  // The first table that has all the keys that are given.
  for (const View* const view : {&kUsageWindowsView, &kUsageSendersView}) {
    options = before;
    fault = read_view_options(*view, given, options);
    if (fault.empty()) return options.sort.empty() && options.by.empty() ? nullptr : view;
    if (view == &kUsageWindowsView) faults = fault;
  }
  // What --by may be, the second has said; keys to sort by are those of both.
  if (options.by.empty() && faults != fault) fault = faults + "; of senders: " + fault;
  return nullptr;
}

struct UsageListing::Part {
  Part(const UsageTable& of, const ViewOptions& options, WallMillis now)
      : table(of), listing(*of.view, options, now, text) {}
  const UsageTable& table;
  std::ostringstream text;
  Listing listing;
  bool any = false;
};

UsageListing::UsageListing(const View* only, const ViewOptions& options, WallMillis now, std::ostream& out)
    : out_(out) {
  for (const UsageTable& table : kUsageTables)
    if (only == nullptr || only == table.view) parts_.push_back(std::make_unique<Part>(table, options, now));
}

UsageListing::~UsageListing() = default;

void UsageListing::add(std::string_view line) {
  if (line.ends_with(": [")) {
    current_ = nullptr;
    for (const auto& part : parts_)
      if (line.ends_with(part->table.begins)) current_ = part.get();
    return;
  }
  if (current_ == nullptr) return;
  current_->any = current_->any || line.starts_with(" {");
  current_->listing.add(line);
}

void UsageListing::finish() {
  bool first = true;
  for (const auto& part : parts_) {
    if (!part->any && !part->table.if_empty && parts_.size() > 1) continue;
    part->listing.finish();
    if (!std::exchange(first, false)) out_ << "\n";
    out_ << part->text.str();
  }
}

}  // namespace sluice::cli
