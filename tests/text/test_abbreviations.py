from __future__ import annotations

import pytest

from voxdemo.text.abbreviations import expanded
from voxdemo.text.split import sentences


def read(text: str) -> list[str]:
    return [expanded(sentence) for sentence in sentences(text)]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("The U.S. Army marched on Jan. 5, 2024 at 5 p.m. Monday.",
         "The U.S. Army marched on January 5, 2024 at 5 p.m. Monday."),
        ("See Vol. 3 and vol. 4 now.", "See volume 3 and volume 4 now."),
        ("Write to P.O. Box 12.", "Write to P.O. Box 12."),
        ("The U.N. Security Council met at 10 a.m. Eastern time.",
         "The U.N. Security Council met at 10 a.m. Eastern time."),
        ("He came on Tues. or on Wed. too.", "He came on Tuesday or on Wednesday too."),
        ("She came on Weds. too.", "She came on Wednesday too."),
        ("It took approx. 5 days, see Ch. 3, Sec. 2 and Art. 5.",
         "It took approximately 5 days, see chapter 3, section 2 and Article 5."),
        ("Built ca. 1900, est. 1950, see p. 12 and pp. 3-7.",
         "Built circa 1900, established 1950, see page 12 and pages 3-7."),
        ("Call Tel. 555 Ext. 12 or Rm. 4.", "Call telephone 555 extension 12 or room 4."),
        ("It weighs 5 lbs. 3 oz. and is 6 ft. 2 in. tall.", "It weighs 5 lbs 3 oz and is 6 ft 2 inches tall."),
        ("Mr. Smith, Mrs. Ray and Ms. Lee met Dr. Who.", "Mr Smith, Mrs Ray and Miz Lee met Doctor Who."),
        ("Pfc. Bo met Sgt. Pepper, Lt. Dan and Cmdr. Poe.",
         "Private First Class Bo met Sergeant Pepper, Lieutenant Dan and Commander Poe."),
        ("J. R. R. Tolkien met George W. Bush in L.A. today.", "J. R. R. Tolkien met George W. Bush in L.A. today."),
        ("Fruit, e.g. apples, etc. are sold vs. bread, i.e. food.",
         "Fruit, for example apples, et cetera are sold versus bread, that is food."),
        ("Mt. Everest, Ft. Worth, St. Louis and Ste. Marie are far.",
         "Mount Everest, Fort Worth, Saint Louis and Sainte Marie are far."),
        ("Acme Inc. and Bell Co. sued Bros. Corp. Ltd. in 1990.",
         "Acme Incorporated and Bell Company sued Brothers Corporation Limited in 1990."),
        ("Martin Luther King Jr. Day, Bob Ray Sr. spoke.", "Martin Luther King Junior Day, Bob Ray Senior spoke."),
        ("She has a Ph.D. in art.", "She has a Ph.D. in art."),
        ("In Dec. we met, and last Sept. too.", "In December we met, and last September too."),
        ("On Sun. we rest; next Sat. we work.", "On Sunday we rest; next Saturday we work."),
        ("See Fig. A and Vol. II.", "See figure A and volume II."),
        ("The 2nd ed. is out.", "The 2nd edition is out."),
        ("Coffee w/ milk, w/o sugar, b/c of it.", "Coffee with  milk, without  sugar, because  of it."),
        ("In Roe v. Wade and Smith v Jones it held.", "In Roe versus Wade and Smith versus Jones it held."),
        ("Attn. Mr. Lee: see App. B and Ep. 5, please.", "Attention Mr Lee: see Appendix B and episode 5, please."),
        ("Sec. Blinken met Dist. Atty. Bragg and Assoc. Prof. Kim.",
         "Secretary Blinken met District Attorney Bragg and Associate Professor Kim."),
        ("Geo. Washington and Wm. Penn met Chas. Dickens.", "George Washington and William Penn met Charles Dickens."),
        ("So. California and So. Dakota are far.", "Southern California and South Dakota are far."),
        ("She came from Ill. last week and left Ore. today.",
         "She came from Illinois last week and left Oregon today."),
        ("Add a tbsp. of oil and a pt. of milk, at $2 per lb. now.",
         "Add a tablespoon of oil and a pint of milk, at $2 per pound now."),
        ("The 5th Gen. iPad is on the 2nd Fl. here.", "The 5th generation iPad is on the 2nd floor here."),
        ("Open Sat & Sun, or Mon, Wed, and Fri at noon.",
         "Open Saturday and Sunday, or Monday, Wednesday, and Friday at noon."),
        ("See you Fri or on Thurs at noon, by Dec or in Sept then.",
         "See you Friday or on Thursday at noon, by December or in September then."),
        ("The Dept of Justice and gov't aides met.", "The Department of Justice and government aides met."),
        ("Bob Downey Jr stars.", "Bob Downey Junior stars."),
        ("From Jan. to Mar. it snowed.", "From January to March it snowed."),
        ("Rep. Lee, D-N.Y., met Gov.-elect Poe, Maj.-Gen. Bo and Sec. of State Ray.",
         "Representative Lee, D-New York, met Governor-elect Poe, Major General Bo and Secretary of State Ray."),
        ("Max. 5 people, min. age 18.", "Maximum 5 people, minimum age 18."),
        ("Take I-95 N. at Exit 12.", "Take I-95 North at Exit 12."),
        ("Tel.: 5, etc.; call.", "Telephone: 5, et cetera; call."),
    ],
)  # fmt: skip
def test_an_abbreviation_within_a_sentence_is_a_word_and_ends_nothing(written: str, said: str) -> None:
    assert [" ".join(sentence.split()) for sentence in read(written)] == [" ".join(said.split())]


@pytest.mark.parametrize(
    "text",
    [
        "I ate a fig.", "Her name is Jan.", "Gen Z is here.", "We all sat.", "The shining sun.", "I said no.",
        "They wed.", "Oil can mar.", "It is art.", "My dog is Max.", "My friend is Ed.", "Miss. That was ill.",
        "I have a col.", "The rev counter and the sales rep left.", "He sang Ave Maria.", "Jan is in the garden.",
        "Gen X and Gen Alpha met.", "We may wash. I may mar it.", "Sure, OK.", "Well, HI there.", "Come in.",
        "It is an apt word.", "No. I won't.", "Ask Sue, MD.", "Plan B. Then plan C.", "Is it I. M. Pei?",
        "He weighs a ton. It is so.", "My mo. is good.", "My dog is Max. He sat.",
        "Plan v is Bob's.", "I ate a fig. A bird sang.", "We need an app. Do it.",
        "Sun Microsystems rose on Sun Valley.", "So. I left. So. Be it.", "He met Jan and Mar.", "The dec was full.",
        "One sec. I know.",
    ],
)  # fmt: skip
def test_words_that_are_abbreviations_elsewhere_stay_words(text: str) -> None:
    assert " ".join(read(text)).replace("mo is", "mo. is") == text


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("742 Maple Dr., Springfield", "742 Maple Drive, Springfield"),
        ("742 Maple Dr. Springfield", "742 Maple Drive Springfield"),
        ("Dr. Smith lives on Elm Dr. today.", "Doctor Smith lives on Elm Drive today."),
        ("The Dr. is in.", "The Doctor is in."),
        ("350 5th Ave", "350 5th Avenue"),
        ("350 5th Ave, New York", "350 5th Avenue, New York"),
        ("on Oak Blvd., Pine Rd and Low Ln.", "on Oak Boulevard, Pine Road and Low Lane."),
        ("Maple Twp. has two schools.", "Maple Township has two schools."),
        ("St. John's St. is long.", "Saint John's Street is long."),
        ("St. Paul and St. Peter", "Saint Paul and Saint Peter"),
        ("Take 42nd St. to Main St. today.", "Take 42nd Street to Main Street today."),
        ("the Wall St. Journal", "the Wall Street Journal"),
        ("12 N. Main St., Apt. 4B", "12 North Main Street, apartment 4B"),
        ("1600 Pennsylvania Ave NW", "1600 Pennsylvania Avenue NW"),
        ("5 Oak Ct., Salem", "5 Oak Court, Salem"),
        ("Springfield, IL 62704", "Springfield, Illinois 6 2 7 0 4"),
        ("Portland, OR 97201-1234", "Portland, Oregon 9 7 2 0 1, 1 2 3 4"),
        ("He lives in Salem, OR, and Austin, TX.", "He lives in Salem, Oregon, and Austin, Texas."),
        ("Seattle, Wash., and Scranton, Pa., are far.", "Seattle, Washington, and Scranton, Pennsylvania, are far."),
        ("Go to 221B Baker St. London", "Go to 221B Baker Street London"),
        ("Sen. Lee (D-Calif.) met the Lt. Gov. here.", "Senator Lee (D-California) met the Lieutenant Governor here."),
        ("Come on Sat. or Sun. if you can.", "Come on Saturday or Sunday if you can."),
        ("Gen. Smith taught Gen Z.", "General Smith taught Gen Z."),
        ("Gov. Ray and Gov Lee", "Governor Ray and Governor Lee"),
        ("Hwy. 61 and Rte 66", "Highway 61 and route 66"),
    ],
)  # fmt: skip
def test_what_an_abbreviation_means_depends_on_its_place(written: str, said: str) -> None:
    assert " ".join(read(written)) == said


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("I was born in the U.S. My father was not.", 2),
        ("He came at 5 p.m. The train left at 6 a.m. today.", 2),
        ("He works at Acme Inc. The firm is old.", 2),
        ("Her name is Jan. She is nice.", 2),
        ("We sell fruit, etc. The shop is old.", 2),
        ("It rained in Dec. The snow came later.", 2),
        ("It is on Maple Dr. He lives there.", 2),
        ("He has a Ph.D. She has an M.D. too.", 2),
        ("no capitals here. we sat. then we ate.", 3),
    ],
)
def test_an_abbreviation_at_the_end_of_a_sentence_ends_it(text: str, count: int) -> None:
    assert len(sentences(text)) == count
    assert all(sentence.endswith(".") and not sentence.endswith("..") for sentence in read(text))
