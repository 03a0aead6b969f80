// The TXT records of a zone, as they are to be and as they are, and what has to become of them.  Values.  One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace sluice::zone_update {

// A TXT record of the zone.  The name is in lower case, without the final dot.
struct ZoneText {
  std::string name;
  std::string text;
  std::uint32_t ttl_s = 0;
};

// What becomes of all TXT records at a name.
struct TextChange {
  std::string name;
  std::string text;  // of the one that is there then; empty: there is none
  friend bool operator==(const TextChange&, const TextChange&) = default;
};

// Ours in the zone are the records of DKIM keys (v=DKIM1), but for those below a label _domainkey, which are a
// domain's own; what else is there stays as it is.
class ZoneTexts {
 public:
  explicit ZoneTexts(std::uint32_t ttl_s) : ttl_s_(ttl_s) {}

  void want(std::string name, std::string text) { wanted_[std::move(name)] = {.text = std::move(text)}; }
  void see(const ZoneText& there);
  [[nodiscard]] std::size_t size() const { return wanted_.size(); }
  // In the order of names, those that are to go first.
  [[nodiscard]] std::vector<TextChange> changes() const;

 private:
  enum class There : std::uint8_t { nothing, right, wrong };
  struct Wanted {
    std::string text;
    There there = There::nothing;
  };
  std::uint32_t ttl_s_;
  std::map<std::string, Wanted, std::less<>> wanted_;
  std::set<std::string, std::less<>> to_go_;
};

}  // namespace sluice::zone_update
