// Every limit of the SMTP wire, with the RFC's minimum beside it.  Those of a listener are in
// ServerProfile.
// Constants.  Any thread.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sluice::smtp {

// RFC 5321 4.5.3.1.1-3: local-part 64, domain 255, path 256 bytes with its punctuation.
inline constexpr std::size_t kLocalPartBytesMax = 64;
inline constexpr std::size_t kDomainBytesMax = 255;
inline constexpr std::size_t kPathBytesMax = 256;
// RFC 1035 2.3.4.
inline constexpr std::size_t kLabelBytesMax = 63;

// RFC 5321 4.5.3.1.4-6: command line 512, reply line 512, text line 1000, each with its CRLF.
inline constexpr std::size_t kCommandLineBytesMin = 512;
inline constexpr std::size_t kReplyLineBytesMax = 512;
inline constexpr std::size_t kTextLineBytesMax = 998;  // without the CRLF

// What extensions add to MAIL and RCPT lines: SIZE 26 (RFC 1870), BODY 17 (RFC 6152), SMTPUTF8 10
// (RFC 6531), AUTH 500 (RFC 4954), ENVID and RET 115 (RFC 3461), NOTIFY and ORCPT 535 (RFC 3461).
inline constexpr std::size_t kMailLineExtraBytes = 26 + 17 + 10 + 500 + 115;
inline constexpr std::size_t kRcptLineExtraBytes = 535;
// One maximum for every command but AUTH: the RFCs add up to 1,180, and source routes may come on
// top.
inline constexpr std::size_t kCommandLineBytesMax = 2048;
// RFC 4954 4: 12288 bytes are "a sufficient line length limit for handling of deployed
// authentication mechanisms"; the verb, the mechanism and CRLF come on top.
inline constexpr std::size_t kAuthResponseBytesMax = 12288;
inline constexpr std::size_t kAuthLineBytesMax = kAuthResponseBytesMax + 64;
// The rest of a line that was too long is thrown away, up to this; then the session is closed.
inline constexpr std::size_t kSwallowBytesMax = 65536;

static_assert(kCommandLineBytesMax >= kCommandLineBytesMin + kMailLineExtraBytes);
static_assert(kCommandLineBytesMax >= kCommandLineBytesMin + kRcptLineExtraBytes);
static_assert(kCommandLineBytesMax < kAuthLineBytesMax && kAuthLineBytesMax < kSwallowBytesMax);
static_assert(kPathBytesMax < kCommandLineBytesMin);

// RFC 4422 3.1: 1 to 20 characters.
inline constexpr std::size_t kMechanismBytesMax = 20;
// RFC 3461 4.4: ENVID up to 100 characters as sent; 4.2: ORCPT up to 500.
inline constexpr std::size_t kEnvidBytesMax = 100;
inline constexpr std::size_t kOrcptBytesMax = 500;
inline constexpr std::size_t kAuthParameterBytesMax = 500;

// RFC 5321 4.5.3.1.8: "The minimum total number of recipients that MUST be buffered is 100".  A
// submission server may state a stricter limit (RFC 9422): ours is stated by LIMITS, and set by the
// operator.
inline constexpr std::uint32_t kRecipientsMaxDefault = 100;
inline constexpr std::uint32_t kRecipientsMaxCeiling = 10000;
// Of a message that is refused already, for its size or otherwise: what comes beyond the size limit is read and thrown
// away up to this, so that the client hears why at the end; then it is answered, and the session is closed.
inline constexpr std::uint64_t kContentSurplusBytesMax = 16 * 1024 * 1024;
// RFC 5321 4.5.3.1.7: at least 64 KiB of message.
inline constexpr std::uint64_t kMessageBytesMin = 65536;
inline constexpr std::uint64_t kMessageBytesMaxDefault = 50 * 1024 * 1024;
static_assert(kMessageBytesMaxDefault >= kMessageBytesMin);
// Of a refused BDAT: read and thrown away, so that the client hears why.
inline constexpr std::uint64_t kChunkDiscardBytesMaxDefault = 64 * 1024 * 1024;
static_assert(kChunkDiscardBytesMaxDefault >= kMessageBytesMaxDefault);

// What is kept of a next hop's reply.  RFC 5321 4.5.3.1.5 says 512 a line; servers in the wild send more, and then the
// rest is read and dropped: its code counts all the same.
inline constexpr std::size_t kNextHopLineBytesMax = 2048;
inline constexpr std::size_t kNextHopLinesMax = 100;
inline constexpr std::size_t kNextHopReplyBytesMax = 16384;
static_assert(kNextHopLineBytesMax >= kReplyLineBytesMax);
static_assert(kNextHopReplyBytesMax >= kNextHopLineBytesMax);
// What is read of one; past it there is no end to be expected.
inline constexpr std::size_t kNextHopReplyReadBytesMax = 64 * 1024;
static_assert(kNextHopReplyReadBytesMax > kNextHopReplyBytesMax);
// Of what is no reply at all, for the log.
inline constexpr std::size_t kGarbageBytesShown = 80;

// What of it is shown to our client, as UTF-8.  In ASCII it may be more: each line is bounded by itself.
inline constexpr std::size_t kRelayedLinesMax = 8;
inline constexpr std::size_t kRelayedBytesMax = 1024;
// One line of our replies: code, separator, enhanced code (at most "5.999.999 "), text, CRLF.
inline constexpr std::size_t kReplyTextBytesMax = kReplyLineBytesMax - 4 - 10 - 2;
static_assert(kRelayedBytesMax / kRelayedLinesMax <= kReplyTextBytesMax);

}  // namespace sluice::smtp
