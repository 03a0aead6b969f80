// Checks what a login by IMAP makes of a server's lines: see tests/support/fuzzed_login.h.
#include "auth/backend/imap.h"
#include "tests/support/fuzzed_login.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr const char* kMechanisms[4] = {"", "plain", "login", ""};
  sluice::auth::check_login_dialog(data, size, kMechanisms, &sluice::auth::make_imap_dialog);
  return 0;
}
