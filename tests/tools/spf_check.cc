// Says what SPF comes to, so that the openspf project's test suite can be held against it.
// On standard input lines of words, between blanks; a text is its bytes as hexadecimal digits, or "-" for none:
//   new                                    forgets all records
//   txt NAME TEXT | a NAME IP | mx NAME PREFERENCE NAME | ptr NAME NAME | cname NAME NAME | fail NAME
//   check ID IP DOMAIN SENDER HELO
// NAME, DOMAIN, SENDER and HELO are texts.  On standard output for each check: ID, the result, the explanation as a
// text.
#include <cstdint>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>

#include "engine/sender_dns/spf.h"
#include "engine/smtp/ascii.h"
#include "tests/support/zone_source.h"

namespace {

using sluice::testing::ZoneSource;

std::string text_of(const std::string& hex) {
  std::string text;
  for (std::size_t at = 0; at + 1 < hex.size(); at += 2)
    text += static_cast<char>(sluice::smtp::hex_value(hex[at]) * 16 + sluice::smtp::hex_value(hex[at + 1]));
  return text;
}

std::string hex_of(const std::string& text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string hex;
  for (const char c : text) {
    hex += kHex[static_cast<unsigned char>(c) >> 4U];
    hex += kHex[static_cast<unsigned char>(c) & 0xFU];
  }
  return hex.empty() ? "-" : hex;
}

void check(std::istringstream& words, ZoneSource& zone) {
  std::string id, ip, domain, sender, helo;
  words >> id >> ip >> domain >> sender >> helo;
  sluice::sender_dns::RememberedDns dns(zone);
  const auto outcome = sluice::sender_dns::check_spf(
      {.address = *sluice::parse_ip(ip), .domain = text_of(domain), .sender = text_of(sender), .helo = text_of(helo)},
      dns);
  std::cout << id << " " << sluice::sender_dns::name(outcome.result) << " " << hex_of(outcome.explanation) << "\n";
}

}  // namespace

int main() {
  auto zone = std::make_unique<ZoneSource>();
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string verb, name, value, more;
    words >> verb;
    if (verb == "check") {
      check(words, *zone);
      continue;
    }
    words >> name >> value >> more;
    name = text_of(name);
    if (verb == "new") zone = std::make_unique<ZoneSource>();
    if (verb == "txt") zone->add_text(name, text_of(value));
    if (verb == "a") zone->add_address(name, value);
    if (verb == "mx") zone->add_mx(name, static_cast<std::uint16_t>(std::stoul(value)), text_of(more));
    if (verb == "ptr") zone->add_name(name, text_of(value));
    if (verb == "cname") zone->add_alias(name, text_of(value));
    if (verb == "fail") zone->fail(name);
  }
  return 0;
}
