#include "engine/sender_dns/dns_source.h"

namespace sluice::sender_dns {

io::DnsReply RememberedDns::ask(const std::string& name, io::DnsType type) {
  const std::pair key{io::fold_dns_name(name), type};
  if (const auto known = answers_.find(key); known != answers_.end()) return known->second;
  if (answers_.size() >= kQuestionsMax) return io::dns_failure("too many questions were asked for one domain");
  return answers_.emplace(key, source_.ask(key.first, type)).first->second;
}

bool can_be_asked(std::string_view name) {
  constexpr std::size_t kNameBytesMax = 253;
  constexpr std::size_t kLabelBytesMax = 63;
  if (name.ends_with('.')) name.remove_suffix(1);
  if (name.empty() || name.size() > kNameBytesMax) return false;
  for (;;) {
    const std::size_t dot = name.find('.');
    const std::size_t label_bytes = dot == std::string_view::npos ? name.size() : dot;
    if (label_bytes == 0 || label_bytes > kLabelBytesMax) return false;
    if (dot == std::string_view::npos) return true;
    name.remove_prefix(dot + 1);
  }
}

bool is_at_or_below(std::string_view name, std::string_view domain) {
  if (name == domain) return true;
  return name.size() > domain.size() && name.ends_with(domain) && name[name.size() - domain.size() - 1] == '.';
}

}  // namespace sluice::sender_dns
