// `sluicectl contain`, `release`, `suspend-outgoing` and `hold-outgoing`: first what the store is to say, then what the
// running relay is to do.  Where the relay is not reached, the store's part is done, and the exit status says that it
// is not all.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "engine/cli/accounts.h"
#include "engine/cli/command_line.h"
#include "engine/text/command_words.h"

namespace sluice::cli {

// Whether the word is one of these commands.
[[nodiscard]] bool is_containment_word(std::string_view word);
// `words` begins with one of them; the options that all commands have are taken out.
void parse_containment_command(const text::Words& words, SluicectlCommand& command);
// In the form of a manual page, for a terminal of 80 columns.
[[nodiscard]] std::string containment_help();

// The running relay, which is connected to before this process becomes another user.
class RelayDialog {
 public:
  virtual ~RelayDialog() = default;
  // Sends a line and hands on what comes; the error is a sentence: it is not reached, or does not answer.
  [[nodiscard]] virtual std::expected<void, std::string> ask(const std::string& line,
                                                             const std::function<void(std::string_view)>& piece) = 0;
};

// `actor`: who is doing this, for the store's record.  Returns the exit status.
int run_containment_command(const ContainmentCommand& command, const AccountCommandWorld& world, RelayDialog& relay,
                            const std::string& actor);

}  // namespace sluice::cli
