// What the check of domains came to, as text and as JSON.  Values.  One thread at a time.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "engine/sender_dns/domain_check.h"
#include "engine/text/table_text.h"

namespace sluice::cli {

// All of one domain.
[[nodiscard]] std::string report_text(const sender_dns::DomainReport& report);
[[nodiscard]] std::string report_json(const sender_dns::DomainReport& report);

// Of many domains: how many are right, and of the others what is not.
class DomainTotals {
 public:
  explicit DomainTotals(bool json) : json_(json) {}
  void add(const sender_dns::DomainReport& report);
  // A domain such as *.example.com, whose names are not known.
  void skip() { ++skipped_; }
  [[nodiscard]] bool all_right() const { return wrong_ == 0 && not_asked_ == 0; }
  // Totals first.
  [[nodiscard]] std::string text() const;
  [[nodiscard]] std::string json() const;

 private:
  bool json_;
  std::size_t right_ = 0;
  std::size_t wrong_ = 0;
  std::size_t not_asked_ = 0;
  std::size_t skipped_ = 0;
  // Of text, by domain, as checks end in any order: domain, record, verdict, what.
  std::map<std::string, std::vector<std::vector<text::Cell>>> rows_;
  std::string reports_;  // of JSON
};

}  // namespace sluice::cli
