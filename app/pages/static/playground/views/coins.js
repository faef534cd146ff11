// Amounts in wei, in words.

import { WORDS } from "../words.js";

const DIGITS = 18; // decimal places of a chain's own coin, in wei

/** The chains' own coins, by chain id (chainlist.org). */
const COINS = {
  1: "ETH", 10: "ETH", 56: "BNB", 100: "xDAI", 130: "ETH", 137: "POL", 146: "S", 250: "FTM", 324: "ETH", 480: "ETH",
  1101: "ETH", 5000: "MNT", 8453: "ETH", 17000: "ETH", 42161: "ETH", 42220: "CELO", 43114: "AVAX", 59144: "ETH",
  80002: "POL", 80094: "BERA", 81457: "ETH", 84532: "ETH", 421614: "ETH", 534352: "ETH", 11155111: "ETH", 11155420: "ETH",
};

/** An amount in wei, with the same amount in the coin of the chain `chainId`. '' if it is no amount. */
export function amountText(wei, chainId) {
  if (typeof wei !== "string" || !/^\d+$/.test(wei)) return "";
  const digits = wei.padStart(DIGITS + 1, "0");
  const coins = `${digits.slice(0, -DIGITS)}.${digits.slice(-DIGITS)}`.replace(/\.?0+$/, "");
  return WORDS.units.wei(wei, coins, COINS[chainId] ?? WORDS.units.coinOf(chainId));
}
