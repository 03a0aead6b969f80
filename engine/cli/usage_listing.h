// The three tables of sluicectl usage, or the one of them that is asked for.
// Owned by one command; one thread.
#pragma once

#include <iosfwd>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/cli/listing.h"

namespace sluice::cli {

// The table that has the key of --sort or --by: its view.  Null: it is none's; `fault` says so.  Without either, all
// three are shown, and null is returned without a fault.
[[nodiscard]] const View* read_usage_options(std::span<const text::Option> given, ViewOptions& options,
                                             std::string& fault);

class UsageListing {
 public:
  // `only`: the one table that is shown; null: all.
  UsageListing(const View* only, const ViewOptions& options, WallMillis now, std::ostream& out);
  // A line of the answer, which is a JSON object of arrays with a row on each line.
  void add(std::string_view line);
  void finish();

 private:
  struct Part;
  std::vector<std::unique_ptr<Part>> parts_;
  Part* current_ = nullptr;
  std::ostream& out_;

 public:
  ~UsageListing();
};

}  // namespace sluice::cli
