#include "engine/zone_update/zone_texts.h"

#include <string_view>

namespace sluice::zone_update {
namespace {

bool is_key_of_ours(const ZoneText& there) {
  return there.text.starts_with("v=DKIM1") && !there.name.starts_with("_domainkey.") &&
         there.name.find("._domainkey.") == std::string::npos;
}

}  // namespace

void ZoneTexts::see(const ZoneText& there) {
  const auto wanted = wanted_.find(there.name);
  if (wanted == wanted_.end()) {
    if (is_key_of_ours(there)) to_go_.insert(there.name);
    return;
  }
  // A second record beside the right one is as wrong as one in its place.
  Wanted& record = wanted->second;
  const bool right = record.there == There::nothing && there.text == record.text && there.ttl_s == ttl_s_;
  record.there = right ? There::right : There::wrong;
}

std::vector<TextChange> ZoneTexts::changes() const {
  std::vector<TextChange> changes;
  for (const std::string& name : to_go_) changes.push_back({.name = name, .text = {}});
  for (const auto& [name, wanted] : wanted_)
    if (wanted.there != There::right) changes.push_back({.name = name, .text = wanted.text});
  return changes;
}

}  // namespace sluice::zone_update
