# SPDX-License-Identifier: Apache-2.0
"""What the tests stand on: waiting, the Engine, one daemon, the throw-away image. No fixture lives here."""
