/** ZeroMQ's own writing of keys. */

const LETTERS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"

/** Z85 of bytes whose number divides by four: 32 bytes are 40 characters. */
export function z85(bytes: Uint8Array): string {
  const data = Buffer.from(bytes)
  let text = ""
  for (let at = 0; at < data.length; at += 4) {
    let value = data.readUInt32BE(at)
    let group = ""
    for (let digit = 0; digit < 5; digit++) {
      group = LETTERS[value % 85]! + group
      value = Math.floor(value / 85)
    }
    text += group
  }
  return text
}
