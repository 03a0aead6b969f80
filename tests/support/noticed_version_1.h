// A file of what was noticed as the relay wrote it before 2026-12: one account, of class "home", that has sent one text
// four times in two hours, from two networks in turn, to two strangers each time.  Three of eight were unknown.
#pragma once

#include <string>
#include <string_view>

namespace sluice::noticing {

inline constexpr std::string_view kVersion1InHex =
    "534c554943452d4e4f544943454420310a07000000000000000000000000000000f0309a90c60000008ec26c8c89fa21148e"
    "4cf39000c38d24a201000004686f6d6508000000f913e9454a7f16842c98c7b6bbba8dd3fe528d4050573f405057df40af9c"
    "0700682db8410ab9c8010000000000000002000000000000000001af9c07000800000008000000000000000000000003ad9c"
    "0400040004000000ae9c0200020002000000af9c020002000200010002a640ae9c44452dd9af9c4445010102030405060708"
    "090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f2008000800af9c034a7fbbbae945000200000000";

inline std::string file_of_version_1() {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string bytes;
  for (std::size_t i = 0; i < kVersion1InHex.size(); i += 2)
    bytes += static_cast<char>(kDigits.find(kVersion1InHex[i]) * 16 + kDigits.find(kVersion1InHex[i + 1]));
  return bytes;
}

}  // namespace sluice::noticing
