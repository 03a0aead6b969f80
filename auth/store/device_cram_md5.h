// What a store keeps of a device password for CRAM-MD5: states of HMAC-MD5 (hmac_md5.h) for both of its spellings, with
// the hyphens that it is shown with and without, as the client computes with what was typed in.  Who has them can log
// in by CRAM-MD5 as that device, and by nothing else; a password of 100 bits is not found from them.  Pure; any thread.
#pragma once

#include <string>
#include <string_view>

namespace sluice::auth {

// `password`: in its one spelling (auth/device_password.h).
[[nodiscard]] std::string device_cram_md5(std::string_view password);

// Whether `digest`, in hexadecimal digits, is what `challenge` is answered with by a device of which `kept` is stored.
// Both spellings are tried, in a time that does not depend on the result.
[[nodiscard]] bool answers_cram_md5(std::string_view kept, std::string_view challenge, std::string_view digest);

// Such as nobody's.
extern const std::string_view kNobodysCramMd5;

}  // namespace sluice::auth
