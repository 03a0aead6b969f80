// The lines that reports are made of: words made clean, folded and encoded.
// Pure functions.  Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/time.h"

namespace sluice::dsn::detail {

enum class Charset : std::uint8_t { ascii, utf8 };

// One part of the multipart.
struct Part {
  std::string_view type;      // the value of Content-Type; static storage
  std::string_view encoding;  // of Content-Transfer-Encoding; static storage
  std::string text;
};

// Of a next hop's words; of an address, or ORCPT, which has up to 500.
inline constexpr std::size_t kWordsShownMax = 512;
inline constexpr std::size_t kAddressShownMax = 512;

// One line: controls and what is not of the charset become '?', white space and line ends one
// space.
std::string clean_words(std::string_view text, std::size_t bytes_max, Charset charset);
// The same, but every space stays.
std::string clean_address(std::string_view address, Charset charset);

// Clean words, each as it is, in lines of 78 bytes where they permit.  The first line begins with
// `first`, the others with `rest`.
void append_wrapped(std::string& out, std::string_view first, std::string_view rest, std::string_view words);
// A field whose value may be folded at its spaces, and one whose value must stay as it is.
void append_folded(std::string& out, std::string_view name, std::string_view words);
void append_field(std::string& out, std::string_view name, std::string_view value);

// RFC 2045 6.7, of whole lines.
void append_quoted_printable(std::string& out, std::string_view text);

// RFC 3464 2.1.2 and RFC 6533 3: "rfc822; user@example.com", "utf-8; ...".  In ASCII, what is not
// is written as \x{...}.
std::string typed_address(std::string_view address, Charset charset);
// ORCPT ("type;xtext") likewise; empty if it is none.
std::string typed_orcpt(std::string_view orcpt, Charset charset);

// RFC 6533 3: clean UTF-8 in ASCII, what is not as "\x{...}".
std::string embedded_unicode(std::string_view text);

// The host of "mx.example.net:25", "192.0.2.1:25", "[2001:db8::1]:25"; addresses as literals. Empty
// if it is no host.
std::string host_of(std::string_view next_hop);

// "Tue, 01 Jul 2003 10:52:37 +0000".
std::string date_text(WallMillis time);

}  // namespace sluice::dsn::detail
