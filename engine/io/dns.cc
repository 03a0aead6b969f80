#include "engine/io/dns.h"

#include <algorithm>

namespace sluice::io {
namespace {

constexpr std::size_t kLabelBytesMax = 63;
constexpr std::size_t kNameBytesMax = 253;  // as text, without the final dot: 255 on the wire

bool digit(char c) { return c >= '0' && c <= '9'; }
bool letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool in_host_name(char c) { return letter(c) || digit(c) || c == '-' || c == '_'; }

}  // namespace

DnsReply dns_failure(std::string error) {
  DnsReply reply;
  reply.error = std::move(error);
  return reply;
}

std::string fold_dns_name(std::string_view name) {
  if (name.size() > 1 && name.ends_with('.')) name.remove_suffix(1);
  std::string folded(name);
  for (char& c : folded)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return folded;
}

bool dns_host_name(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  if (name.empty() || name.size() > kNameBytesMax) return false;
  std::string_view label;
  for (std::string_view rest = name;;) {
    const std::size_t dot = rest.find('.');
    label = rest.substr(0, dot);
    if (label.empty() || label.size() > kLabelBytesMax) return false;
    if (!std::ranges::all_of(label, in_host_name)) return false;
    if (dot == std::string_view::npos) break;
    rest.remove_prefix(dot + 1);
  }
  return !std::ranges::all_of(label, digit);
}

}  // namespace sluice::io
